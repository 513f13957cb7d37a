"""Pods, run by Docker as their manifests describe them, and stopped as by a kubelet."""

import base64
import json
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from images import run
from manifests import Resource
from servers import free_port

UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
SOURCES = {"configMapRef": "ConfigMap", "secretRef": "Secret"}


def size(quantity: str) -> int:
    """Bytes of a quantity such as 512Mi."""
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


class Cluster:
    """What pods share: a network, their ConfigMaps and Secrets, and volumes.

    Parameters
    ----------
    folder : Path
        Where volumes are kept.
    """

    def __init__(self, resources: Sequence[Resource], folder: Path) -> None:
        self.resources, self.folder = resources, folder
        self.network = f"adega{free_port()}"
        self._started: list[str] = []

    def __enter__(self) -> Self:
        run("docker", "network", "create", self.network)
        return self

    def __exit__(self, *_: object) -> None:
        if self._started:
            run("docker", "rm", "--force", "--volumes", *self._started, check=False)
        run("docker", "network", "rm", self.network)

    def start(self, name: str, *options: str) -> str:
        """Start a container in the network, and return its id; a pod, or what pods use."""
        command = ("docker", "run", "--detach", "--network", self.network, "--hostname", name)
        id_ = run(*command, "--no-healthcheck", *options).split()[-1]  # only probes count
        self._started.append(id_)
        return id_

    def data(self, kind: str, name: str) -> dict[str, str] | None:
        """What a ConfigMap or a Secret holds; None if there is none of that name."""
        for each in self.resources:
            if (each["kind"], each["metadata"]["name"]) == (kind, name):
                held = dict(each["data"])
                if kind == "Secret":
                    held = {key: base64.b64decode(text).decode() for key, text in held.items()}
                return held
        return None


class Pod:
    """A pod of one container; those that initialise it have ended when it is made.

    Parameters
    ----------
    mounts : sequence of str
        Volumes that another container would fill, as Docker's option has them.
    """

    def __init__(
        self, cluster: Cluster, name: str, template: Resource, mounts: Sequence[str] = ()
    ) -> None:
        self.cluster, self.name, self.spec = cluster, name, template["spec"]
        self._volumes = {each["name"]: each for each in self.spec.get("volumes", ())}
        (self.container,) = self.spec["containers"]
        for before in self.spec.get("initContainers", ()):
            id_ = cluster.start(name, *self._options(before))
            exit_code = run("docker", "wait", id_).strip()
            assert exit_code == "0", run("docker", "logs", id_)
        options = [each for mount in mounts for each in ("--volume", mount)]
        self.id = cluster.start(name, *options, *self._options(self.container))
        self.address = self.inspect("range .NetworkSettings.Networks}}{{.IPAddress}}{{end")

    def inspect(self, what: str) -> str:
        return run("docker", "inspect", "--format", f"{{{{{what}}}}}", self.id).strip()

    def logs(self) -> str:
        return run("docker", "logs", self.id)

    def port(self, named: str | int) -> int:
        """The number of a port of the container."""
        ports = {each.get("name"): each["containerPort"] for each in self.container["ports"]}
        return int(ports.get(named, named))

    def url(self, port: str | int) -> str:
        return f"http://{self.address}:{self.port(port)}"

    def wait(self) -> int:
        """Wait for the end of the container; return its exit code."""
        return int(run("docker", "wait", self.id))

    def delete(self, before_sigterm: Callable[[], None] = lambda: None) -> int:
        """Stop it as a kubelet does: preStop, SIGTERM, and a kill when the grace period is over."""
        ends = time.monotonic() + self.spec.get("terminationGracePeriodSeconds", 30)
        if hook := self.container.get("lifecycle", {}).get("preStop"):
            run("docker", "exec", self.id, *hook["exec"]["command"])
        before_sigterm()
        left = int(ends - time.monotonic())
        run("docker", "stop", "--time", str(left), self.id)  # by SIGTERM, then SIGKILL
        return int(self.inspect(".State.ExitCode"))

    def kill(self) -> None:
        """End it at once, where nothing is to be seen of its end."""
        run("docker", "kill", self.id)

    def _options(self, container: Resource) -> list[str]:
        """The options by which Docker runs a container as its manifest describes it."""
        secured = self.spec.get("securityContext", {}) | container["securityContext"]
        assert secured["runAsNonRoot"]
        assert secured["runAsUser"] > 0
        assert secured["seccompProfile"] == {"type": "RuntimeDefault"}  # which is Docker's own
        memory = size(container["resources"]["limits"]["memory"])
        options = [f"--user={secured['runAsUser']}:{secured['runAsGroup']}"]
        options += [f"--memory={memory}", f"--memory-swap={memory}"]
        options += [f"--cap-drop={each}" for each in secured["capabilities"]["drop"]]
        if secured["readOnlyRootFilesystem"]:
            options.append("--read-only")
        if not secured["allowPrivilegeEscalation"]:
            options.append("--security-opt=no-new-privileges")
        if "fsGroup" in secured:
            options.append(f"--group-add={secured['fsGroup']}")
        if "workingDir" in container:
            options.append(f"--workdir={container['workingDir']}")
        for name, value in self._environment(container).items():
            options.append(f"--env={name}={value}")
        for mount in container["volumeMounts"]:
            options.append(self._mount(self._volumes[mount["name"]], mount))
        command = container.get("command", [])
        if command:
            options.append(f"--entrypoint={command[0]}")
        return [*options, container["image"], *command[1:], *container["args"]]

    def _environment(self, container: Resource) -> dict[str, str]:
        variables: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            for kind, reference in source.items():
                data = self.cluster.data(SOURCES[kind], reference["name"])
                assert data is not None or reference.get("optional"), reference
                variables |= data or {}
        return variables | {each["name"]: each["value"] for each in container.get("env", ())}

    def _mount(self, volume: Resource, mount: Resource) -> str:
        path, mode = mount["mountPath"], "ro" if mount.get("readOnly") else "rw"
        if volume.get("emptyDir", {}).get("medium") == "Memory":
            return f"--tmpfs={path}:size={size(volume['emptyDir']['sizeLimit'])},mode=1777"
        if "persistentVolumeClaim" in volume:
            folder = self.cluster.folder / volume["persistentVolumeClaim"]["claimName"]
        else:
            folder = self.cluster.folder / self.name / volume["name"]
        folder.mkdir(parents=True, exist_ok=True)
        if secret := volume.get("secret"):
            data = self.cluster.data("Secret", secret["secretName"])
            assert data is not None or secret["optional"]
            for name, text in (data or {}).items():
                (folder / name).write_text(text)
        else:
            folder.chmod(0o2777)  # as a kubelet makes it
        return f"--volume={folder}:{path}:{mode}"


def ask(url: str, body: Any = None, key: str = "") -> Any:
    """The JSON or text of a response."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, data, headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        content = response.read()
        is_json = "json" in response.headers["Content-Type"]
    return json.loads(content) if is_json else content.decode()
