"""Where work runs: `local`, processes of this machine; `cluster`, the workers of a Dask scheduler.

Both are a `concurrent.futures.Executor`; `local.executor()` picks the one that the environment asks
for.
"""
