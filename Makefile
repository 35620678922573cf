# Everything one needs to try, test and change Companion. `make demo` and `make test` set up all they need.

PYTHON ?= python3
BIN := .venv/bin
DEMO := build/demo
SPEECH := tests/speech

.PHONY: demo install test soak check clean
.DELETE_ON_ERROR:

demo: .venv/runs ## a spoken conversation, from recorded speech to build/demo/reply.wav
	@mkdir -p $(DEMO)
	@$(BIN)/companion simulate \
		--wav $(SPEECH)/hello-rms.wav \
		--wav $(SPEECH)/breakfast-awb.wav \
		--wav $(SPEECH)/story-moon-awb.wav \
		--wav $(SPEECH)/goodnight-rms.wav \
		--out $(DEMO)/reply.wav --journal $(DEMO)/journal.jsonl

install: .venv/runs ## what it takes to run, in .venv, and nothing more

test: .venv/tests ## all tests
	@.ci/packages libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins
	$(BIN)/pytest

soak: .venv/tests ## what is too long for `make test`
	@.ci/packages libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins
	COMPANION_SOAK=1 $(BIN)/pytest tests/device/test_endurance.py

check: .venv/tests ## style, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean: ## forget what was built
	rm -rf build .venv

.venv/runs: pyproject.toml constraints.txt
	@.ci/environment "$(PYTHON)" .
	@touch $@

.venv/tests: pyproject.toml constraints.txt
	@.ci/environment "$(PYTHON)" '.[dev]'
	@touch $@ .venv/runs
