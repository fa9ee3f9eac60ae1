# make demo   set up and run the main job: a clip in, fused events out over MQTT (ARGS=--live, ARGS="--clip FILE")
# make test   set up and run all tests (ARGS="-k mqtt" for some of them)
# make lint   style, types, import rules; licences and known vulnerabilities of what the device installs
# make bench  measurements, as ratios where a number alone would depend on the machine

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --use-pep517

FOR_PYAUDIO := gcc libc6-dev python3-dev portaudio19-dev
# A real broker; a container that systemd boots; virtual microphones (ALSA with a FIFO, PulseAudio); a camera on the
# network (RTSP); a software Vulkan driver; a browser; an ssh server; who sees every byte that a program writes (strace).
FOR_TESTS := mosquitto systemd systemd-container libasound2-plugins pulseaudio gstreamer1.0-tools gstreamer1.0-plugins-base \
	gstreamer1.0-plugins-good python3-gi gir1.2-gst-rtsp-server-1.0 chromium chromium-common libvulkan1 openssh-server strace

.PHONY: demo test lint bench clean install uninstall deb sbom lock vendor test-install test-arm64 faults
.DELETE_ON_ERROR:

demo: $(VENV)/.demo $(if $(findstring --live,$(ARGS)),$(VENV)/.microphone)
	$(BIN)/emotion-edge demo $(ARGS)

test: $(VENV)/.dev
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	packaging/audit.sh $(BIN)

bench: $(VENV)/.dev
	$(BIN)/python -m bench $(ARGS)

# What breaks, what is said of it, how soon all is whole again (root for two of them; ARGS="frozen" for some).
faults: $(VENV)/.dev
	tests/system-packages.sh faketime
	$(BIN)/python -m bench.reliability.faults $(ARGS)

# The device's tests in an emulated arm64 Debian (root; slow; ARGS=trixie for Python 3.13).
test-arm64: $(VENV)/.dev
	tests/system-packages.sh debootstrap qemu-user-static binfmt-support
	packaging/test-arm64.sh $(ARGS)

# On the device: system packages, /opt/emotion-edge, unit and configuration (see install.sh; ARGS="--place cabin").
install uninstall:
	./install.sh $@ $(ARGS)

deb:
	packaging/deb.sh

# What is in it, for who must know: CycloneDX, from the lock file. `make deb` writes it too where the tool is here.
sbom: $(VENV)/.dev
	packaging/sbom.sh $(BIN)/cyclonedx-py

# Installs, runs, upgrades and removes it in a fresh Debian (root; some minutes and 700 MB in /tmp).
test-install: $(VENV)/.dev
	tests/system-packages.sh debootstrap systemd-container
	EMOTION_EDGE_DEBIAN=$(EMOTION_EDGE_DEBIAN) $(BIN)/pytest -s -m slow tests/systemd/test_install.py $(ARGS)

# The exact packages of the device, with hashes; after a change of pyproject.toml, and to take in updates.
lock: $(VENV)/.dev
	packaging/lock.sh $(BIN)/uv

# What the local page takes from others (uPlot), by its lock file, with its licence. Needs npm.
vendor:
	packaging/page/vendor.sh

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "setting up: the packages of the demo"
	$(PIP) -e '.[demo]'
	@touch $@

# PyAudio has no wheels for Linux: it is compiled. Where that cannot be done, all but the microphone works.
$(VENV)/.microphone: pyproject.toml | $(BIN)/python
	tests/system-packages.sh $(FOR_PYAUDIO)
	@if $(PIP) -e '.[microphone]'; then touch $@; else \
	echo "no microphone: PyAudio needs: sudo apt-get install $(FOR_PYAUDIO)"; fi

$(VENV)/.dev: pyproject.toml tests/system-packages.sh | $(VENV)/.microphone
	tests/system-packages.sh $(FOR_TESTS)
	@echo "setting up: the packages of the tests (TensorFlow among them: about 2 GB)"
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.demo
