"""What a child process needs to run models on an NVIDIA GPU, and what it cannot be denied there.

CUDA is started inside the confined child, so that its threads are confined too. For that it needs more than a model on
the CPU does, and gets just this:

- the GPU's device files, to be read, written and controlled: the driver is spoken to by them;
- the reading of the driver's own files, of what the kernel tells of devices and processors, and of the folders of
  libraries and packages, since cuDNN and CUDA load theirs when they are first needed;
- writing below /proc/self/task, by which drivers from 570 on name their threads; refused, CUDA fails with error 304;
- an address space without a limit, because CUDA reserves terabytes of it. Private memory is limited instead
  (RLIMIT_DATA), of which what is only reserved is no part;
- files in memory (memfd_create), which a limit on the size of files would forbid too. On disk it still may write none;
- more open files than a model on the CPU.

Sources: CUDA C++ Programming Guide, "CUDA Environment Variables"; landlock(7); setrlimit(2); reports of what the driver
opens under Landlock: github.com/nolabs-ai/nono pull requests 673 and 1284, github.com/NVIDIA/OpenShell issues 1486 and
1696.
"""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from greengate.ports import Limits
from greengate.settings import library_paths

OPEN_FILES = 1024
_DEVICES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps", "nvidia[0-9]*")
_KERNEL = (
    "/proc/driver/nvidia",
    "/proc/driver/nvidia-uvm",
    "/proc/devices",
    "/proc/modules",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self",
    "/proc/sys/vm",
    "/sys/bus/pci",
    "/sys/devices",
    "/sys/module",
)
_LIBRARIES = (
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/cuda",
    "/usr/local/lib",
    "/usr/local/nvidia",
    "/usr/share/nvidia",
)
# NVIDIA's libraries lie in packages of their own beside those that use them.
_PACKAGES = ("nvidia", "triton")


def admit(config: dict[str, Any], environment: dict[str, str], device: str, packages: Sequence[str]) -> None:
    """Give a child what it needs for a GPU, in what it is told and in its environment.

    Args:
        config: What the child is told (see `greengate.models.worker`): `reads` and `limits` are widened.
        environment: All of the child's environment.
        device: "cuda:" and the GPU's number in the order of the PCI bus, or its UUID.
        packages: Packages that the child imports.
    """
    limits = config["limits"]
    limits["data_bytes"] = limits["address_space_bytes"]
    limits["address_space_bytes"] = limits["file_size_bytes"] = None
    limits["open_files"] = max(limits["open_files"], OPEN_FILES)
    paths = library_paths()
    config["uses"] = [str(path) for path in device_files()]
    config["reads"] = [*config["reads"], *map(str, readable(packages, paths))]
    config["options"] = {"device": "cuda"}
    environment |= {
        # NVML counts GPUs in this order too; of those the child sees one, which is its first.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": device.partition(":")[2],
        # It may write no cache; what has to be compiled is compiled again, before anything is measured.
        "CUDA_CACHE_DISABLE": "1",
        # float32 is float32, on every GPU and by every library.
        "NVIDIA_TF32_OVERRIDE": "0",
    }
    if paths:
        environment["LD_LIBRARY_PATH"] = ":".join(filter(None, (environment.get("LD_LIBRARY_PATH", ""), paths)))


def device_files(folder: Path = Path("/dev")) -> list[Path]:
    """List the device files of NVIDIA's driver that are there."""
    return sorted({path for pattern in _DEVICES for path in folder.glob(pattern)})


def readable(packages: Sequence[str], paths: str) -> list[Path]:
    """List what may be read besides the model: the driver's and the kernel's word on the GPU, and code."""
    return list(dict.fromkeys(path for path in _code(packages, paths) if path.exists()))


def unconfined(limits: Limits) -> tuple[str, ...]:
    """Say what a model on a GPU is not kept from."""
    gib = f"{limits.address_space_bytes / 2**30:.3g} GiB"
    return (
        f"on a GPU the address space is not limited, only private memory is ({gib})",
        "on a GPU the model's process speaks to NVIDIA's driver, which is not confined",
    )


def _code(packages: Sequence[str], paths: str) -> Iterator[Path]:
    yield from map(Path, (*_KERNEL, *_LIBRARIES))
    yield from (Path(path) for path in paths.split(":") if path.startswith("/"))
    yield from (Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib"))
    for package in (*packages, *_PACKAGES):
        spec = importlib.util.find_spec(package)
        yield from (Path(folder).resolve() for folder in (spec.submodule_search_locations or () if spec else ()))
