#!/usr/bin/env python3
"""Makes sallyport.deb, and installs, starts, upgrades, removes and purges it in a bare Debian 12.

    package_test.py --source DIRECTORY --build DIRECTORY --cpack PROGRAM --cmake PROGRAM
"""

import argparse
import pathlib
import re
import shlex
import shutil
import sys
import tempfile

import places
from harness import processes
from harness.promises import Promises, equal

MOST_EXPOSED = 2.5
NEXT_VERSION = "99.0-1"


def unit_settings(path):
    """What a unit says, by key; the last one counts, lists are joined."""
    found = {}
    for line in path.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name] = value
    return found


class PackageTest:
    def __init__(self, arguments, directory, programs, promise):
        self.arguments, self.directory, self.programs, self.promise = arguments, directory, programs, promise
        self.root = directory / "root"
        self.deb = None

    def run(self):
        self.builds()
        self.is_hardened()
        self.make_root()
        self.installs()
        self.serves()
        self.upgrades()
        self.goes()

    def builds(self):
        with self.promise("cpack makes a package; lintian finds no error in it"):
            package = self.arguments.build / "package"
            shutil.rmtree(package, ignore_errors=True)
            processes.run([self.arguments.cmake, "--build", self.arguments.build, "--target", "sallyport_package_pages"], seconds=120)
            processes.run(["sh", "-c", 'cd "$1" && exec "$2" --config CPackConfig.cmake', "-", self.arguments.build,
                           self.arguments.cpack], seconds=240)
            self.deb, = package.glob("sallyport_*.deb")
            found = processes.run(["lintian", "--allow-root", "--fail-on", "error", self.deb], check=False, seconds=120)
            print(found.stdout.decode(), end="")
            equal(found.returncode, 0, found.stderr.decode())
        with self.promise("it depends on the libraries that its programs name, and has everything in its place"):
            depends = processes.run(["dpkg-deb", "--field", self.deb, "Depends"]).stdout.decode()
            for package in ("libc6 (>=", "libgrpc++1.51", "libssl3 (>=", "libzstd1", "adduser", "tzdata"):
                assert package in depends, f"{package} is not in {depends}"
            assert "-dev" not in depends, depends
            listed = processes.run(["dpkg-deb", "--contents", self.deb]).stdout.decode()
            for file in ("usr/bin/sallyport", "usr/bin/sallyportd", "usr/lib/systemd/system/sallyportd.service",
                         "etc/sallyport/sallyport.yaml", "etc/default/sallyportd", "usr/share/man/man1/sallyport.1.gz",
                         "usr/share/man/man8/sallyportd.8.gz", "usr/share/man/man5/sallyport.yaml.5.gz",
                         "usr/share/man/man5/policy.yaml.5.gz", "usr/share/bash-completion/completions/sallyport",
                         "usr/share/zsh/vendor-completions/_sallyport", "usr/share/fish/vendor_completions.d/sallyport.fish"):
                assert f" ./{file}\n" in listed, f"{file} is not in it"
            strange = [line for line in listed.splitlines() if not line.split()[1] == "root/root"]
            equal(strange, [], "files that are not root's")

    def is_hardened(self):
        unit = self.arguments.source / "deploy/systemd/sallyportd.service"
        with self.promise(f"the unit is in order, and systemd counts its exposure as at most {MOST_EXPOSED}"):
            said = processes.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit]).stdout.decode()
            exposure = float(re.search(r"exposure level for \S+ ([\d.]+)", said).group(1))
            print(f"systemd-analyze security: {exposure}")
            assert exposure <= MOST_EXPOSED, said

    def make_root(self):
        self.root.mkdir()
        tarball = places.bare_root(self.arguments.source)
        processes.run(["tar", "--extract", "--numeric-owner", "--directory", self.root, "--file", tarball], seconds=120)
        shutil.copy(self.deb, self.root / "root/sallyport.deb")
        self.network = places.Network(self.programs)

    def inside(self, *argv, check=True, seconds=240, **options):
        environment = {"DEBIAN_FRONTEND": "noninteractive", **options.pop("environment", {})}
        return processes.run(places.in_root(self.root, *argv, environment=environment, **options), check=check, seconds=seconds)

    def user(self):
        """uid, gid and home of the package's user, as the root has them."""
        line, = [line for line in (self.root / "etc/passwd").read_text().splitlines() if line.startswith("sallyport:")]
        return line.split(":")[2], line.split(":")[3], line.split(":")[5]

    def installs(self):
        with self.promise("it installs where no systemd runs, with a user and a directory that is that user's alone"):
            self.inside("apt-get", "-q", "update")
            said = self.inside("apt-get", "-q", "-y", "--no-install-recommends", "install", "/root/sallyport.deb").stdout.decode()
            assert "put your service into /etc/sallyport/sallyport.yaml" in said, said[-1500:]
            uid, gid, home = self.user()
            equal(home, "/var/lib/sallyport")
            assert 100 <= int(uid) < 1000, uid
            status = (self.root / "var/lib/sallyport").stat()
            equal((str(status.st_uid), str(status.st_gid), status.st_mode & 0o777), (uid, gid, 0o700))
            loaded = self.inside("ldd", "/usr/bin/sallyportd", "/usr/bin/sallyport").stdout.decode()
            assert "not found" not in loaded, loaded
        with self.promise("the configuration that it brings is in order, and the unit finds what it starts"):
            self.inside("/usr/bin/sallyportd", "--config", "/etc/sallyport/sallyport.yaml", "--check")
            # With the root's own programs; its manual pages are looked for by another test.
            checked = processes.run(["systemd-analyze", "verify", "--man=no", f"--root={self.root}", "sallyportd.service"], check=False)
            # That the root has no systemd, and so none of its targets, is no fault of the unit.
            faults = [line for line in checked.stderr.decode().splitlines()
                      if "sallyportd.service" in line and not re.search(r"Unit \S+\.target not found", line)]
            equal(faults, [])

    def start(self):
        """The gateway, as the unit starts it: its command, its user, its environment file."""
        unit = unit_settings(self.root / "lib/systemd/system/sallyportd.service")
        options = dict(line.split("=", 1) for line in (self.root / unit["EnvironmentFile"].lstrip("-/")).read_text().splitlines()
                       if line and not line.startswith("#"))
        words = []
        for word in shlex.split(unit["ExecStart"]):
            words += shlex.split(shlex.split(options[word[1:]])[0]) if word.startswith("$") else [word]
        equal(unit["User"], "sallyport")
        uid, gid, _ = self.user()
        # ProtectSystem=strict, but for the state directory.
        state = "/var/lib/" + unit["StateDirectory"]
        gateway = self.programs.start("sallyportd", self.network.inside(*places.in_root(
            self.root, *words, mode="ro", user=f"{uid}:{gid}", binds=[(str(self.root) + state, state)])))
        gateway.wait_for_line("listening on 127.0.0.1:50050", seconds=60)
        return gateway

    def reload(self, gateway):
        """As the unit does it: with what the root has, as its user."""
        unit = unit_settings(self.root / "lib/systemd/system/sallyportd.service")
        words = [word.replace("$$", "$") for word in shlex.split(unit["ExecReload"])]
        uid, gid, _ = self.user()
        self.inside(*words, user=f"{uid}:{gid}", environment={"MAINPID": str(gateway.pid)})

    def calls(self):
        client = self.network.inside(self.directory / "sallyport-example-client", "--target", "127.0.0.1:50050")
        processes.run(client)
        uid, gid, _ = self.user()
        listed = self.inside("/usr/bin/sallyport", "calls", "--limit", "0", "--data", "/var/lib/sallyport/data",
                             "--keys", "file:/var/lib/sallyport/keyring", user=f"{uid}:{gid}").stdout.decode()
        assert "pay.v1.Payments/Authorize" in listed, listed
        return listed.count("pay.v1.Payments/Authorize")

    def serves(self):
        example = self.programs.start("sallyport-example", self.network.inside(
            self.directory / "sallyport-example", "--listen", "127.0.0.1:50052"))
        example.wait_for_line("^listening on ")
        with self.promise("started as the unit starts it, as its user, it serves, records, reads its settings again and ends"):
            gateway = self.start()
            self.first_count = self.calls()
            self.reload(gateway)
            gateway.wait_for_line("the configuration was read again")
            equal(gateway.stop(), 0, gateway.tail())

    def next_deb(self):
        """The same package with a later version."""
        tree = self.directory / "next"
        processes.run(["dpkg-deb", "--raw-extract", self.deb, tree])
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"^Version: .*$", f"Version: {NEXT_VERSION}", control.read_text(), flags=re.MULTILINE))
        configuration = tree / "etc/sallyport/sallyport.yaml"
        configuration.write_text(configuration.read_text() + "# A line that the next version has.\n")
        processes.run(["dpkg-deb", "--build", "-Znone", tree, self.root / "root/next.deb"], seconds=120)

    def upgrades(self):
        with self.promise("an upgrade keeps a configuration that was changed, and what was recorded"):
            self.next_deb()
            configuration = self.root / "etc/sallyport/sallyport.yaml"
            changed = configuration.read_text() + "sessions: {idle: 10m}\n"
            configuration.write_text(changed)
            self.inside("dpkg", "--force-confold", "--install", "/root/next.deb")
            version = self.inside("dpkg-query", "-W", "-f=${Version}", "sallyport").stdout.decode()
            equal(version, NEXT_VERSION)
            equal(configuration.read_text(), changed)
            gateway = self.start()
            equal(self.calls(), 2 * self.first_count, "calls of before and after")
            equal(gateway.stop(), 0, gateway.tail())

    def goes(self):
        data = self.root / "var/lib/sallyport/data"
        before = sorted(path.name for path in data.iterdir())
        with self.promise("removed, its settings and what was recorded stay"):
            self.inside("dpkg", "--remove", "sallyport")
            assert not (self.root / "usr/bin/sallyportd").exists()
            assert (self.root / "etc/sallyport/sallyport.yaml").exists()
            equal(sorted(path.name for path in data.iterdir()), before)
        with self.promise("purged, nothing is left but what was recorded, with its user, and that is said"):
            said = self.inside("dpkg", "--purge", "sallyport").stderr.decode()
            assert "what was recorded stays in /var/lib/sallyport" in said, said
            equal(sorted(path.name for path in data.iterdir()), before)
            self.user()
            equal(self.left(), [])
        with self.promise("installed again and purged with nothing recorded, not even that is left"):
            self.inside("dpkg", "--install", "/root/sallyport.deb")
            shutil.rmtree(data.parent)
            data.parent.mkdir()
            said = self.inside("dpkg", "--purge", "sallyport").stderr.decode()
            assert "stays" not in said, said
            assert not data.parent.exists()
            assert "sallyport:" not in (self.root / "etc/passwd").read_text()

    def left(self):
        """Files that are the package's, or look like it, outside of the data and of what dpkg and this test have."""
        own = ("var/lib/sallyport", "root", "proc", "dev", "var/cache", "var/log", "var/lib/apt")
        return sorted(name for name in (str(path.relative_to(self.root)) for path in self.root.rglob("*sallyport*"))
                      if not name.startswith(own))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--source", "--build"):
        parser.add_argument(name, required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--cpack", required=True)
    parser.add_argument("--cmake", required=True)
    arguments = parser.parse_args()
    places.need("package_test", "mmdebstrap", "lintian", "systemd-analyze", "dpkg-shlibdeps", "fakeroot", "ip", "setpriv")
    promise = Promises("the Debian package")
    with tempfile.TemporaryDirectory(prefix="sallyport-package-") as directory, processes.Programs() as programs:
        directory = pathlib.Path(directory)
        directory.chmod(0o755)
        for name in ("sallyport-example", "sallyport-example-client"):
            shutil.copy(arguments.build / "bin" / name, directory / name)
        PackageTest(arguments, directory, programs, promise).run()
    promise.finish()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
