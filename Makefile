# Every target sets up what it needs: the virtual environment .venv and, as root or with sudo, the Debian packages.
# Another interpreter: make test PYTHON=/usr/bin/python3

PYTHON ?= python3
export PYTHON
bin := .venv/bin

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name what; do printf '  make %-13s %s\n' "$$name" "$$what"; done

demo: ## the MiFi fault and its cure: 20 WebRTC connections, a table, a report (under 5 minutes)
	@make/setup.sh demo
	@$(bin)/landfast demo

test: lint ## lint, types and all tests but the long proofs (under 15 minutes)
	@make/setup.sh test
	@$(bin)/pytest -n 2 --dist worksteal -m "(not lab or beside) and not proof"
	@$(bin)/pytest -m "lab and not beside and not proof" # they measure time: alone, and one after the other

lint: ## ruff and mypy
	@make/setup.sh lint
	@$(bin)/ruff check
	@$(bin)/ruff format --check
	@$(bin)/mypy

bench: ## how quick it is, beside the obvious alternative; writes build/bench/
	@make/setup.sh bench
	@$(bin)/python -m bench

bench-session: ## how long a session is without data when its network changes, beside aiortc and Chromium (45 minutes)
	@make/setup.sh test
	@$(bin)/python -m bench.session

proof: ## the long proofs: kills at random, booted Debian, lifetimes, doctor's truth table, the agent's campaign
	@make/setup.sh proof
	@make/proof.sh

fresh: ## a new Debian in a container: clone, make demo, make test (as root)
	@make/fresh.sh

lock: ## write requirements.lock anew from pyproject.toml
	@make/lock.sh

clean: ## remove what the other targets made
	rm -rf .venv build landfast-report.html landfast-trial.jsonl .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests bench -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: help demo test lint bench bench-session proof fresh lock clean
