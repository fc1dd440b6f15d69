"""Builds the drivers out of what Debian provides. What is missing is named, and the rest goes on without it."""
import os
import shutil
import subprocess
import sys

from . import processes

PEERS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(PEERS))
MADE = os.path.join(ROOT, "artifacts", "bench", "bin")
OKAPI = os.path.join(ROOT, "bench", "Okapi.Bench", "bin", "Release", "net10.0")
APACHE = os.path.join(ROOT, "eng", "apache-zookeeper")
JARS = "/usr/share/java"
GO_SOURCES = "/usr/share/gocode"
PYTHON = "/usr/bin/python3"  # Debian's own: its packages are in no other that may come first on the PATH
LIMIT = 900

PACKAGES = ["gcc", "libc6-dev", "libzookeeper-mt-dev", "libzookeeper-java", "default-jdk-headless", "golang-go",
            "golang-github-samuel-go-zookeeper-dev", "python3-kazoo"]

LOGGING = """log4j.rootLogger=FATAL, C
log4j.appender.C=org.apache.log4j.ConsoleAppender
log4j.appender.C.target=System.err
log4j.appender.C.layout=org.apache.log4j.SimpleLayout
"""

RAWNET = """<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <Nullable>enable</Nullable>
    <ImplicitUsings>enable</ImplicitUsings>
    <EnableDefaultItems>false</EnableDefaultItems>
  </PropertyGroup>
  <ItemGroup><Compile Include="{source}" /></ItemGroup>
</Project>
"""


def say(text):
    print(f"bench/compare: {text}", file=sys.stderr, flush=True)


class Missing(Exception):
    """Something that a driver needs is not there; the text says what."""


def need_tool(name, package):
    if not shutil.which(name):
        raise Missing(f"{name} (Debian: {package})")


def need_file(path, package):
    if not os.path.exists(path):
        raise Missing(f"{path} (Debian: {package})")


def need_header(name, package):
    need_tool("gcc", "gcc libc6-dev")
    if subprocess.run(["gcc", "-E", "-x", "c", "-"], input=f"#include <{name}>\n", text=True, capture_output=True).returncode:
        raise Missing(f"{name} (Debian: {package})")


def c_needs():
    need_header("stdio.h", "libc6-dev")


def zkc_needs():
    c_needs()
    need_header("zookeeper/zookeeper.h", "libzookeeper-mt-dev")


def java_needs():
    need_tool("javac", "default-jdk-headless")
    for each in ("zookeeper", "zookeeper-jute"):
        need_file(f"{JARS}/{each}.jar", "libzookeeper-java")


def go_needs():
    need_tool("go", "golang-go")
    need_file(f"{GO_SOURCES}/src/github.com/samuel/go-zookeeper/zk", "golang-github-samuel-go-zookeeper-dev")


def kazoo_needs():
    need_file(PYTHON, "python3")
    if subprocess.run([PYTHON, "-c", "import kazoo.client"], capture_output=True).returncode:
        raise Missing("kazoo for /usr/bin/python3 (Debian: python3-kazoo)")


def dotnet_needs():
    if not shutil.which("dotnet"):
        raise Missing("the .NET 10 SDK (https://dotnet.microsoft.com/download)")


def apache_needs():
    text, code = processes.output([APACHE, "check"], 60)
    if code != 0:
        raise Missing(" ".join(text.split()) if code is not None else f"{APACHE} check does not end")


def make(command, **options):
    text, code = processes.output(command, LIMIT, **options)
    if code:
        raise Missing("it does not build:\n" + text.strip()[-2000:])
    if code is None:
        raise Missing(f"it is not built after {LIMIT} s")


def compile_c(name, *sources, libraries=()):
    make(["gcc", "-O2", "-Wall", "-Wextra", "-o", f"{MADE}/{name}", *sources, *libraries])


def make_java():
    folder = f"{MADE}/java"
    os.makedirs(folder, exist_ok=True)
    make(["javac", "-Xlint:-options", "-cp", f"{JARS}/zookeeper.jar:{JARS}/zookeeper-jute.jar", "-d", folder, f"{PEERS}/java/ZkJava.java"])
    with open(f"{folder}/log4j.properties", "w") as file:
        file.write(LOGGING)


def make_go():
    # Debian's library has no module file; GOPATH mode takes it as it is, and asks no network.
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": f"{MADE}/go:{GO_SOURCES}", "GOCACHE": f"{MADE}/go/cache", "GOFLAGS": ""}
    make(["go", "build", "-o", f"{MADE}/zkgo", "main.go"], cwd=f"{PEERS}/go", env=environment)


def dotnet_build(project, *options):
    # Build processes that outlive the build would be left running.
    environment = {**os.environ, "MSBUILDDISABLENODEREUSE": "1", "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1"}
    make(["dotnet", "build", project, "-c", "Release", "-v", "quiet", "--disable-build-servers", *options], env=environment)


def make_rawnet():
    # A project of its own apart from the solution: the rules for Okapi's code are not for a measuring stick.
    folder = f"{MADE}/rawnet-project"
    os.makedirs(folder, exist_ok=True)
    files = {"RawNet.csproj": RAWNET.format(source=f"{PEERS}/rawnet/RawNet.cs"), "Directory.Build.props": "<Project />",
             "Directory.Build.targets": "<Project />", "Directory.Packages.props": "<Project />"}
    for name, text in files.items():
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    dotnet_build(f"{folder}/RawNet.csproj", "-o", f"{MADE}/rawnet")


# name: (what it needs, how it is made, the file that is then there)
PARTS = {
    "okapi": (dotnet_needs, lambda: dotnet_build(f"{ROOT}/bench/Okapi.Bench"), f"{OKAPI}/Okapi.Bench.dll"),
    "rawnet": (dotnet_needs, make_rawnet, f"{MADE}/rawnet/RawNet.dll"),
    "nullserver": (c_needs, lambda: compile_c("nullserver", f"{PEERS}/../nullserver/nullserver.c"), f"{MADE}/nullserver"),
    "rawpipe": (c_needs, lambda: compile_c("rawpipe", f"{PEERS}/c/rawpipe.c"), f"{MADE}/rawpipe"),
    "zkc": (zkc_needs, lambda: compile_c("zkc", "-DTHREADED", f"{PEERS}/c/zkc.c", libraries=["-lzookeeper_mt"]), f"{MADE}/zkc"),
    "java": (java_needs, make_java, f"{MADE}/java/ZkJava.class"),
    "zkgo": (go_needs, make_go, f"{MADE}/zkgo"),
    "kazoo": (kazoo_needs, lambda: None, f"{PEERS}/kazoo/zkkazoo.py"),
    "apache": (apache_needs, lambda: None, APACHE),
}


def is_made(part):
    return not part or os.path.exists(PARTS[part][2] if part in PARTS else part)


def lacking():
    """What each part lacks, by name."""
    missing = {}
    for name, (needs, _, _) in PARTS.items():
        try:
            needs()
        except Missing as reason:
            missing[name] = str(reason)
    return missing


def build():
    """Builds all that can be built; returns a reason for each part that cannot."""
    os.makedirs(MADE, exist_ok=True)
    missing = lacking()
    for name, (_, maker, _) in PARTS.items():
        if name not in missing:
            try:
                maker()
            except Missing as reason:
                missing[name] = str(reason)
        if name in missing:
            say(f"{name} is left out: {missing[name]}")
    return missing


def lacking_to_run():
    """As lacking, of what is not built but found."""
    return {name: reason for name, reason in lacking().items() if name in ("apache", "kazoo")}


def check():
    missing = lacking()
    for name, reason in missing.items():
        say(f"{name} is missing: {reason}")
    if missing:
        say("as root, \"bench/compare install\" has what Debian provides")
    return 3 if missing else 0


def install():
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        say("this takes root on Debian or its kin; the packages are " + " ".join(PACKAGES))
        return 3
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    if subprocess.run(command, env=environment).returncode:
        subprocess.run(["apt-get", "update"], env=environment)
        if subprocess.run(command, env=environment).returncode:
            return 1
    subprocess.run([APACHE, "install"])
    return check()
