# Sourced by ./frazil and ./test: finds a JDK and Maven, and installs or names what is missing.
# shellcheck shell=bash

OLDEST_JAVA=17
OLDEST_MAVEN=3.8.7

note() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
  local code=$1
  shift
  note "$@"
  exit "$code"
}

# The feature release of the JDK in a folder, read from its release file; nothing when there is none.
java_major() {
  local line version
  [ -x "$1/bin/java" ] || return 0
  if [ -r "$1/release" ]; then
    while IFS= read -r line; do
      case $line in
        JAVA_VERSION=*)
          version=${line#*=}
          version=${version//\"/}
          break
          ;;
      esac
    done <"$1/release"
  else
    version=$("$1/bin/java" -version 2>&1 | sed -n 's/.* version "\([^"]*\)".*/\1/p')
  fi
  case ${version:-} in
    1.*) version=${version#1.} ;;
  esac
  printf '%s' "${version%%[!0-9]*}"
}

# Every folder that may hold a JDK, one a line: the caller's choice first.
jdk_folders() {
  local javac folder
  [ -z "${JAVA_HOME:-}" ] || printf '%s\n' "$JAVA_HOME"
  if javac=$(command -v javac) && javac=$(readlink -f "$javac"); then
    printf '%s\n' "${javac%/bin/javac}"
  fi
  for folder in /usr/lib/jvm/* /opt/*jdk* /opt/java/* "${HOME:-/root}"/.sdkman/candidates/java/*; do
    if [ -x "$folder/bin/javac" ] && [ ! -L "$folder" ]; then
      printf '%s\n' "$folder"
    fi
  done
}

# The JDKs new enough, as lines "release folder", the caller's choice first.
usable_jdks() {
  local folder major
  jdk_folders | while IFS= read -r folder; do
    [ -x "$folder/bin/javac" ] || continue
    major=$(java_major "$folder")
    if [ "${major:-0}" -ge "$OLDEST_JAVA" ]; then
      printf '%s %s\n' "$major" "$folder"
    fi
  done
}

# Of the usable JDKs the caller's own, else the first with which the Linux engine works, else the first.
fastest_jdk() {
  local found
  found=$(usable_jdks | awk -v own="${JAVA_HOME:-}" '
    NR == 1 { first = $0; if (own != "" && substr($0, index($0, " ") + 1) == own) { best = $0 } }
    best == "" && $1 >= 22 { best = $0 }
    END { print best == "" ? first : best }')
  printf '%s' "$found"
}

# The options by which a JVM of that release lets Netty and frazil-linux use native code without a warning.
quiet_natives() {
  if [ "$1" -ge 23 ]; then
    printf '%s' "--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow"
  elif [ "$1" -ge 22 ]; then
    printf '%s' "--enable-native-access=ALL-UNNAMED"
  fi
}

debian_like() { [ -r /etc/debian_version ] && command -v apt-get >/dev/null; }

apt_offers() { apt-cache show --no-all-versions "$1" >/dev/null 2>&1; }

# The packages that give a JDK and Maven here; Debian's releases carry different JDKs.
jdk_package() {
  local package
  for package in openjdk-17-jdk-headless openjdk-21-jdk-headless openjdk-25-jdk-headless; do
    if apt_offers "$package"; then
      printf '%s' "$package"
      return
    fi
  done
  printf 'default-jdk-headless'
}

maven_is_new_enough() {
  local version java
  java=$(usable_jdks | sed -n '1s/^[0-9]* //p')
  version=$(JAVA_HOME=$java mvn -version 2>/dev/null | sed -n 's/.*Apache Maven \([0-9.]*\).*/\1/p')
  [ "$(printf '%s\n' "$OLDEST_MAVEN" "${version:-0}" | sort -V | head -n 1)" = "$OLDEST_MAVEN" ]
}

# Installs Debian packages as root; otherwise says which command does.
install_packages() {
  if [ "$(id -u)" != 0 ]; then
    note "missing: $*"
    die 69 "run this once: sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
  fi
  note "installing $*"
  local log
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    die 69 "installing failed; by hand: apt-get update && apt-get install -y --no-install-recommends $*"
  fi
  rm -f "$log"
}

# Sees to it that there is a JDK and a Maven to build with.
need_build_tools() {
  local missing=()
  if [ -z "$(usable_jdks)" ]; then
    [ -z "${JAVA_HOME:-}" ] || note "JAVA_HOME ($JAVA_HOME) holds no JDK $OLDEST_JAVA or newer"
    if debian_like; then
      [ "$(id -u)" != 0 ] || apt-get update >/dev/null 2>&1 || true
      missing+=("$(jdk_package)")
    else
      missing+=(jdk)
    fi
  fi
  command -v mvn >/dev/null || missing+=(maven)
  if [ ${#missing[@]} -gt 0 ]; then
    debian_like || die 69 "needed: a JDK $OLDEST_JAVA or newer (set JAVA_HOME to it) and Maven $OLDEST_MAVEN or newer on the PATH"
    install_packages "${missing[@]}"
  fi
  [ -n "$(usable_jdks)" ] || die 69 "no JDK $OLDEST_JAVA or newer found; set JAVA_HOME to one"
  maven_is_new_enough || die 69 "Maven is older than $OLDEST_MAVEN; Debian 12 and Ubuntu 24.04 carry that, or see https://maven.apache.org"
}

# What went wrong, out of a log of Maven, without its standing advice.
maven_complaints() {
  grep -E '^\[(ERROR|WARNING)\]|^Caused by' "$1" |
    grep -vE '^\[ERROR\] *(->|To see the full|Re-run Maven|For more information|After correcting|  mvn <args>|\[Help|$)' || true
}
