# Everything one needs to try, test and change Companion. `make demo` and `make test` set up all they need.

PYTHON ?= python3
BIN := .venv/bin
DEMO := build/demo
SPEECH := tests/speech
ENDURANCE := tests/device/test_endurance.py
ALONE := $(ENDURANCE) tests/barge_in/test_on_sound_cards.py tests/device/test_alsa_card.py \
	$(addprefix tests/companion/test_,on_duty_faults.py in_browser.py) \
	$(addsuffix /test_speaker.py,tests/device tests/contracts) $(addsuffix /test_microphone.py,tests/device tests/contracts)
SOAKED := tests/barge_in tests/turn_taking tests/companion/test_whatever_happens.py tests/companion/test_not_fooled.py \
	tests/models/test_wake_acceptance.py tests/models/test_wake_training.py
TEST_PACKAGES := libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins flite libfaketime chromium \
	gcc libasound2-dev

.PHONY: demo install test soak bench check clean
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

test: .venv/tests ## all tests; those that hear and speak in real time alone, because they want all cores to themselves
	@.ci/packages $(TEST_PACKAGES)
	$(BIN)/pytest -n auto --dist worksteal $(addprefix --ignore ,$(ALONE))
	$(BIN)/pytest $(ALONE)

soak: .venv/tests ## what is too long for `make test`
	@.ci/packages $(TEST_PACKAGES)
	COMPANION_SOAK=1 $(BIN)/pytest -s -o faulthandler_timeout=0 $(ENDURANCE) tests/companion/test_on_duty_faults.py
	COMPANION_SOAK=1 $(BIN)/pytest -s -o faulthandler_timeout=0 -n auto --dist worksteal $(SOAKED)

bench: .venv/runs ## how fast it answers on this machine, and what it costs: twenty minutes
	@$(BIN)/companion bench --engines

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
