"""Descriptor sets, compiled by protoc from the protos that Debian ships."""

import pathlib

from . import processes

GO_SOURCES = pathlib.Path("/usr/share/gocode/src")
GRPC_PROTOS = pathlib.Path("/usr/share/grpc-proto")

# Where etcd's own protos and what they import are, by Debian package.
ETCD_IMPORTS = (
    GO_SOURCES / "go.etcd.io",  # golang-etcd-server-dev
    GO_SOURCES / "github.com/gogo/protobuf",  # golang-github-gogo-protobuf-dev
    # golang-github-grpc-ecosystem-grpc-gateway-dev
    GO_SOURCES / "github.com/grpc-ecosystem/grpc-gateway/third_party/googleapis",
    pathlib.Path("/usr/include"),  # libprotobuf-dev
)
ETCD_PROTO = "etcd/etcdserver/etcdserverpb/rpc.proto"


def compile_set(out, imports, *files):
    """Writes the descriptor set of `files` and all that they import to `out`."""
    directories = [f"-I{path}" for path in imports]
    processes.run(["protoc", *directories, "--include_imports", f"--descriptor_set_out={out}", *files])
    return out


def etcd(out):
    return compile_set(out, ETCD_IMPORTS, ETCD_PROTO)


def interop(out):
    return compile_set(out, [GRPC_PROTOS], "grpc/testing/test.proto")


def encode(descriptor_set, message_type, text):
    """A message given in protobuf's text format, as bytes."""
    argv = ["protoc", f"--descriptor_set_in={descriptor_set}", f"--encode={message_type}"]
    return processes.run(argv, stdin=text.encode()).stdout


def decode(descriptor_set, message_type, message):
    """The text format of a message given as bytes."""
    argv = ["protoc", f"--descriptor_set_in={descriptor_set}", f"--decode={message_type}"]
    return processes.run(argv, stdin=message).stdout.decode()
