"""`ensure`: makes what is missing once, finishes what can be finished, names what failed."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import pytest
from conftest import InProcess
from medtransfer import compute, store
from medtransfer.specs import EpsilonChoice
