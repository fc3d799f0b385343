#!/usr/bin/env python3
"""Builds the image with buildah on a base made here, and runs what comes out as an engine would: as its user, with a
read-only root and one volume.

    image_test.py --programs DIRECTORY --source DIRECTORY --build DIRECTORY
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

import places
from harness import processes
from harness.promises import Promises, equal

UID = 65532
NOBODY = 65534
TAG = "sallyport:tried"
BASE = "docker.io/library/debian:bookworm-slim"
CONFIG = """
listen: {addresses: ["127.0.0.1:50050"]}
data: {directory: /var/lib/sallyport/data}
upstreams: {example: {target: "127.0.0.1:50052"}}
descriptors: [{reflection: example}]
admin: {address: "127.0.0.1:9464"}
"""


class Engine:
    """buildah with a storage of its own, which goes with the test."""

    def __init__(self, directory):
        self._conf = directory / "storage.conf"
        self.environment = {**os.environ, "CONTAINERS_STORAGE_CONF": str(self._conf), "BUILDAH_ISOLATION": "chroot"}
        # Where overlays cannot be stacked (in a container), every layer is a copy.
        try:
            self._store("overlay", directory)
        except AssertionError:
            self._store("vfs", directory)

    def _store(self, driver, directory):
        place = directory / driver
        self._conf.write_text(f'[storage]\ndriver = "{driver}"\ngraphroot = "{place}/graph"\nrunroot = "{place}/run"\n')
        container = self.run("from", "scratch")
        try:
            self.run("mount", container)
            self.run("umount", container)
        finally:
            self.run("rm", container)

    def run(self, *words, seconds=200):
        return processes.run(["buildah", *words], seconds=seconds, env=self.environment).stdout.decode().strip()

    def mount(self, image):
        return pathlib.Path(self.run("mount", self.run("from", "--pull-never", image)))

    def import_base(self, tarball):
        """As an OCI layout, which is what is least work: the tarball is its only layer as it is."""
        layout = self._conf.parent / "base"
        blobs = layout / "blobs/sha256"
        blobs.mkdir(parents=True)

        def add(content):
            digest = hashlib.sha256(content).hexdigest()
            (blobs / digest).write_bytes(content)
            return {"digest": f"sha256:{digest}", "size": len(content)}

        kind = "application/vnd.oci.image."
        layer = {"mediaType": f"{kind}layer.v1.tar", **add(tarball.read_bytes())}
        config = {"architecture": self.run("info", "--format", "{{.host.arch}}"), "os": "linux", "config": {"Cmd": ["bash"]},
                  "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
        manifest = {"schemaVersion": 2, "mediaType": f"{kind}manifest.v1+json", "layers": [layer],
                    "config": {"mediaType": f"{kind}config.v1+json", **add(json.dumps(config).encode())}}
        index = {"schemaVersion": 2, "manifests": [{"mediaType": manifest["mediaType"], **add(json.dumps(manifest).encode())}]}
        (layout / "index.json").write_text(json.dumps(index))
        (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self.run("tag", self.run("pull", "--quiet", f"oci:{layout}"), BASE)


class ImageTest:
    def __init__(self, arguments, directory, programs, engine, promise):
        self.arguments, self.directory, self.programs, self.engine, self.promise = arguments, directory, programs, engine, promise

    def run(self):
        with self.promise("image.sh builds it and says how large it is and how long it takes to start"):
            self.engine.import_base(places.bare_root(self.arguments.source))
            said = processes.run(
                [self.arguments.source / "deploy" / "image.sh", "--engine", "buildah", "--tag", TAG, "--programs",
                 self.arguments.programs, "--", "--isolation", "chroot", "--pull-never"],
                seconds=480, env=self.engine.environment).stdout.decode().splitlines()
            assert re.fullmatch(rf"{TAG}: [\d.]+ [MG]i?B, listens \d+ ms after its program was started", said[-1]), said[-5:]
            print(said[-1])
        self.root = self.engine.mount(TAG)
        self.is_described()
        self.has_what_it_needs()
        self.lists_what_is_in_it()
        for uid, gid in ((UID, UID), (12345, 0)):
            self.serves(uid, gid)

    def is_described(self):
        config = json.loads(self.engine.run("inspect", "--type", "image", TAG))["Docker"]["config"]
        with self.promise("it runs as the user that the charts name, with one volume, a health check and labels"):
            equal(config["User"], f"{UID}:{UID}")
            equal(config["Volumes"], {"/var/lib/sallyport": {}})
            equal(config["Healthcheck"]["Test"], ["CMD", "/usr/bin/sallyportd", "--health", "127.0.0.1:9464"])
            equal(config["StopSignal"], "SIGTERM")
            equal(config["Entrypoint"], ["/usr/bin/sallyportd"])
            labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items() if "opencontainers" in name}
            equal(labels["title"], "Sallyport")
            assert labels["revision"] and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", labels["created"]), labels
            deploy = self.arguments.source / "deploy"
            version = re.search(r"newTag: (\S+)", (deploy / "kubernetes/base/kustomization.yaml").read_text()).group(1)
            equal(labels["version"], version)
            chart = (deploy / "helm/sallyport/Chart.yaml").read_text()
            equal(re.search(r"^appVersion: \"?([\d.]+)", chart, re.MULTILINE).group(1), version)
            pod = (deploy / "kubernetes/base/statefulset.yaml").read_text()
            assert f"runAsUser: {UID}" in pod and "image: sallyport\n" in pod and "command: [/usr/bin/sallyportd]" in pod
            equal(set(re.findall(r"image: sallyport:(\S+)", (deploy / "compose.yaml").read_text())), {version})

    def inside(self, *argv, **options):
        return places.in_root(self.root, *argv, **options)

    def ask(self, *argv):
        return processes.run(self.inside(*argv)).stdout.decode()

    def has_what_it_needs(self):
        with self.promise("it has every library that its programs name, and no package beyond those that they need"):
            files = set()
            for program in ("sallyportd", "sallyport"):
                loaded = self.ask("ldd", f"/usr/bin/{program}")
                assert "not found" not in loaded, loaded
                files.update(re.findall(r"=> (/\S+)", loaded))
            # Where /lib is a link into /usr, dpkg knows a file by one of both names.
            names = {}
            for file in files:
                real = os.path.realpath(str(self.root) + file)[len(str(self.root)):]
                names[file] = {file, real, real.removeprefix("/usr")}
            found = processes.run(self.inside("dpkg-query", "-S", *sorted(set().union(*names.values()))), check=False).stdout.decode()
            owners_of = {}
            for line in found.splitlines():
                packages, path = line.split(": ")
                owners_of[path] = {package.split(":")[0] for package in packages.split(", ")}
            equal({file for file in files if not names[file] & owners_of.keys()}, set(), "files of no package")
            owners = set().union(*owners_of.values())
            listed = set((self.root / "usr/share/sallyport/packages").read_text().split())
            equal(listed - owners, set(), "packages that no program needs")
            for program in ("sallyportd", "sallyport"):
                needed = processes.run(["readelf", "--dynamic", self.root / "usr/bin" / program]).stdout.decode()
                assert ".symtab" not in processes.run(["readelf", "-SW", self.root / "usr/bin" / program]).stdout.decode()
                assert "NEEDED" in needed
            compilers = [path for path in ("usr/bin/gcc", "usr/bin/cmake", "src", "programs") if (self.root / path).exists()]
            equal(compilers, [], "what built it")

    def lists_what_is_in_it(self):
        with self.promise("its bill of materials names every package with its version, and the programs by their hashes"):
            bill = json.loads((self.root / "usr/share/sallyport/sbom.spdx.json").read_text())
            equal(bill["spdxVersion"], "SPDX-2.3")
            installed = {line.split()[0]: line.split()[1] for line in
                         self.ask("dpkg-query", "-W", "-f=${Package} ${Version}\\n").splitlines()}
            listed = {package["name"]: package["versionInfo"] for package in bill["packages"]}
            equal({name: version for name, version in listed.items() if name != "sallyport"}, installed)
            for file in bill["files"]:
                content = (self.root / file["fileName"][2:]).read_bytes()
                sums = {sum_["algorithm"]: sum_["checksumValue"] for sum_ in file["checksums"]}
                equal(sums, {"SHA1": hashlib.sha1(content).hexdigest(), "SHA256": hashlib.sha256(content).hexdigest()})
            identifiers = [element["SPDXID"] for element in (*bill["packages"], *bill["files"])]
            equal(len(identifiers), len(set(identifiers)))
            named = {relation["relatedSpdxElement"] for relation in bill["relationships"]}
            assert named <= {*identifiers}, named - {*identifiers}

    def serves(self, uid, gid):
        place = self.directory / f"user-{uid}"
        volume = place / "volume"
        volume.mkdir(parents=True)
        os.chown(volume, uid, gid)
        volume.chmod(0o700)
        (place / "etc").mkdir()
        (place / "etc/sallyport.yaml").write_text(CONFIG)
        network = places.Network(self.programs)
        example = self.programs.start("sallyport-example", network.inside(
            self.directory / "sallyport-example", "--listen", "127.0.0.1:50052"))
        example.wait_for_line("^listening on ")
        as_container = {"mode": "ro", "user": f"{uid}:{gid}", "binds": [(volume, "/var/lib/sallyport")],
                        "read_only": [(place / "etc", "/etc/sallyport")],
                        "environment": {"SALLYPORT_DATA": "/var/lib/sallyport/data"}}
        health = network.inside(*self.inside("/usr/bin/sallyportd", "--health", "127.0.0.1:9464", **as_container))
        with self.promise(f"as user {uid} with a read-only root it serves, and is healthy while it does"):
            equal(processes.run(health, check=False).returncode, 1, "health before it is started")
            gateway = self.programs.start("sallyportd", network.inside(*self.inside(
                "/usr/bin/sallyportd", "--config", "/etc/sallyport/sallyport.yaml", **as_container)))
            gateway.wait_for_line("listening on 127.0.0.1:50050")
            gateway.wait_for_line("admin endpoint on ")
            equal(processes.run(health).returncode, 0, "health")
            status = pathlib.Path(f"/proc/{gateway.pid}/status").read_text()
            equal(re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE).group(1), str(uid), "who runs it")
            equal(re.search(r"^CapEff:\s+(\w+)", status, re.MULTILINE).group(1), "0" * 16, "what it may")
            client = network.inside("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                                    self.directory / "sallyport-example-client", "--target", "127.0.0.1:50050")
            processes.run(client)
            calls = processes.run(self.inside("/usr/bin/sallyport", "calls", "--json", **as_container)).stdout.decode()
            assert "pay.v1.Payments/Authorize" in calls, calls[:500]
        with self.promise(f"as user {uid} it ends in order when it is told to"):
            equal(gateway.stop(), 0, gateway.tail())
            equal(processes.run(health, check=False).returncode, 1, "health after it has ended")
            checked = processes.run(self.inside("/usr/bin/sallyport", "verify", **as_container)).stdout.decode()
            assert "VERIFIED" in checked.splitlines(), checked
        with self.promise(f"as user {uid} nothing was written but in the volume, and nobody else reads that"):
            for path in (volume, *volume.rglob("*")):
                equal((path.stat().st_uid, path.stat().st_mode & 0o077 if path.is_file() else 0), (uid, 0), str(path))
            refused = processes.run(self.inside("touch", "/usr/bin/x", "/etc/x", "/tmp/x", **as_container), check=False)
            equal(refused.stderr.count(b"Read-only file system"), 3, refused.stderr.decode())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--programs", "--source", "--build"):
        parser.add_argument(name, required=True, type=lambda path: pathlib.Path(path).resolve())
    arguments = parser.parse_args()
    places.need("image_test", "buildah", "mmdebstrap", "setpriv", "ip", "readelf", "dpkg-shlibdeps")
    places.with_own_mounts()
    promise = Promises("the image")
    with tempfile.TemporaryDirectory(prefix="sallyport-image-") as directory:
        directory = pathlib.Path(directory)
        directory.chmod(0o755)
        for name in ("sallyport-example", "sallyport-example-client"):
            shutil.copy(arguments.programs / name, directory / name)
        engine = Engine(directory)
        try:
            with processes.Programs() as programs:
                ImageTest(arguments, directory, programs, engine, promise).run()
        finally:
            places.unmount_below(directory)
    promise.finish()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
