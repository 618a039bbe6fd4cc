"""One program on many GPUs: what the processes that torchrun starts need to know of each other."""

import gc
import os
from contextlib import nullcontext

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel


class Replica(DistributedDataParallel):
    """A network whose gradients are shared with the other processes; what else it has is the network's own."""

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)


def replica(network):
    """The network itself where there is one process, else its `Replica`."""
    return Replica(network) if world() > 1 else network


def no_exchange(network):
    """A context in which gradients are added up, and not yet shared."""
    return network.no_sync() if isinstance(network, Replica) else nullcontext()


def start():
    """Join the other processes, where torchrun started several. Returns this process's device, None: choose freely."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return None
    if not torch.cuda.is_available():
        dist.init_process_group("gloo")
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    dist.init_process_group("nccl")
    return device


def stop():
    """Leave the group, if there is one, together with the other processes."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
        gc.collect()  # ends the group's threads: one that outlives Python can abort a run that is complete


def world():
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank():
    """This process's number, from 0; number 0 writes files and talks."""
    return dist.get_rank() if dist.is_initialized() else 0


def barrier():
    """Go on when all processes have come here."""
    if world() > 1:
        dist.barrier()


def mean(tensor):
    """The mean of a tensor over all processes."""
    if world() > 1:
        dist.all_reduce(tensor)
    return tensor / world()


def gather(thing):
    """A list of what each process brought, in the order of their numbers, on every process."""
    found = [thing] * world()
    if world() > 1:
        dist.all_gather_object(found, thing)
    return found
