"""What a kubelet does with the probes of a pod."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from manifests import Resource
from pods import Pod


class Kubelet:
    """Probes a pod in the periods of its manifest, from its start on.

    Attributes
    ----------
    ready : Event
        Set while the pod gets connections.
    failures : dict of str to list of str
        By probe, how each attempt failed; those before the start are not in it.
    killed : str
        The probe because of which the pod would be killed; empty if none.
    """

    def __init__(self, pod: Pod) -> None:
        self.pod, self.ready = pod, threading.Event()
        self.failures: dict[str, list[str]] = {"readiness": [], "liveness": []}
        self.killed = ""
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run)]
        self._threads[0].start()

    def stop(self) -> None:
        """End the probes, as a kubelet does before it sends SIGTERM."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        probe = self.pod.container["startupProbe"]
        for _ in range(probe["failureThreshold"]):
            if not self._fault(probe) or self._stop.wait(probe["periodSeconds"]):
                break
        else:
            self.killed = "startup"
            return
        for name in self.failures:
            thread = threading.Thread(target=self._repeat, args=(name,))
            self._threads.append(thread)
            thread.start()

    def _repeat(self, name: str) -> None:
        probe, in_a_row = self.pod.container[f"{name}Probe"], 0
        while not self._stop.is_set():
            fault = self._fault(probe)
            in_a_row = in_a_row + 1 if fault else 0
            if fault:
                self.failures[name].append(fault)
            if name == "readiness" and not fault:
                self.ready.set()
            if in_a_row >= probe["failureThreshold"]:
                if name == "liveness":
                    self.killed = name
                else:
                    self.ready.clear()
            self._stop.wait(probe["periodSeconds"])

    def _fault(self, probe: Resource) -> str:
        """Why a probe fails; empty if it succeeds."""
        asked = probe["httpGet"]
        request = urllib.request.Request(
            self.pod.url(asked["port"]) + asked["path"], headers={"User-Agent": "kube-probe/1.37"}
        )
        try:
            urllib.request.urlopen(request, timeout=probe["timeoutSeconds"]).close()
        except OSError as error:
            return repr(error)
        return ""


@contextmanager
def probed(pod: Pod) -> Iterator[Kubelet]:
    """Probe a pod that starts, and yield when it is ready."""
    kubelet = Kubelet(pod)
    try:
        assert kubelet.ready.wait(150), f"{kubelet.killed}: {pod.logs()}"
        yield kubelet
    finally:
        kubelet.stop()
