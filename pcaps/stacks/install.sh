# shellcheck shell=bash
# The third-party stacks, to be sourced by make.sh: pinned, in $STACKS, nothing installed in the system.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STACKS=${STACKS:-/tmp/wicketgate-stacks}
PYTHON=$STACKS/venv/bin/python

need_tools() {
    local tool missing=()
    for tool in ip ethtool tcpdump tshark editcap mbpoll ping node npm python3 cc pkg-config; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    pkg-config --exists libmodbus 2>/dev/null || missing+=(libmodbus)
    if ((${#missing[@]})); then
        echo "make.sh: missing: ${missing[*]}" >&2
        echo "on Debian 12: apt-get install iproute2 ethtool tcpdump tshark mbpoll iputils-ping" \
            "nodejs npm python3-venv gcc pkg-config libmodbus-dev" >&2
        exit 2
    fi
}

install_pymodbus() {
    [[ -x $PYTHON ]] || python3 -m venv "$STACKS/venv"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check -r "$HERE/requirements.txt"
}

install_modbus_serial() {
    mkdir -p "$STACKS/node"
    cp "$HERE/package.json" "$HERE/package-lock.json" "$STACKS/node/"
    npm --prefix "$STACKS/node" ci --omit=optional --no-audit --no-fund --silent
}

build_libmodbus() {
    local program
    for program in server poll functions; do
        # pkg-config gives several words.
        # shellcheck disable=SC2046
        cc -std=gnu11 -O2 -Wall -Wextra -o "$STACKS/libmodbus_$program" \
            "$HERE/libmodbus_$program.c" $(pkg-config --cflags --libs libmodbus)
    done
}

install_stacks() {
    need_tools
    mkdir -p "$STACKS"
    install_pymodbus
    install_modbus_serial
    build_libmodbus
}
