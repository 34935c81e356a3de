"""The kernel in which a notebook runs headlessly."""

from __future__ import annotations

import zmq
from jupyter_client.manager import AsyncKernelManager
from traitlets import default


class Kernel(AsyncKernelManager):
    """A kernel that is asked to end, without an interrupt before.

    Jupyter interrupts every kernel before it ends it, since a cell might still run. Papermill asks
    its kernel one last question and goes as soon as it has the answer: the interrupt then meets a
    kernel that has not yet left that question, and "KeyboardInterrupt caught in kernel" is printed
    though every cell has run. A kernel that does not end by itself is terminated, then killed.
    """

    async def shutdown_kernel(  # type: ignore[override]
        self, now: bool = False, restart: bool = False
    ) -> None:
        """End the kernel: by a message, and only if that does not help by signals."""
        if now:
            await super().shutdown_kernel(now=now, restart=restart)
            return
        self.shutting_down = True
        self.stop_restarter()
        await self.request_shutdown(restart=restart)
        await self.finish_shutdown(restart=restart)
        await self.cleanup_resources(restart=restart)

    @default("transport_encryption")
    def _encrypted_where_possible(self) -> str:
        """Other users of this machine cannot read along, and the kernel does not warn of them."""
        return "auto" if zmq.has("curve") else "disabled"
