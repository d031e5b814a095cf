"""Rules in the operations API: list, edit, check, switch, and try on the past."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

from fastapi import FastAPI, Header, Query, Request

from dothi.api import operations_shapes as shapes
from dothi.api import rules_shapes as rule_shapes
from dothi.api.operations_letters import refuse_other_sites
from dothi.model.errors import ResourceNotFound

Operator = Annotated[str, Header(alias="X-Dothi-Operator", max_length=200)]
ANONYMOUS = "anonymous"
Mode = Literal["off", "dry", "on"]


class RulesDesk(Protocol):
    """What can be asked of the rules of a city; implemented by app. Documents are as rules_shapes has them."""

    async def rules(self, q: str, mode: Mode | None) -> list[dict[str, Any]]: ...

    async def rule(self, id: str) -> dict[str, Any]: ...

    async def check(self, draft: dict[str, Any]) -> dict[str, Any]: ...

    async def put(self, id: str, draft: dict[str, Any], version: int, by: str, reason: str) -> dict[str, Any]: ...

    async def drop(self, id: str, version: int, by: str, reason: str) -> None: ...

    async def switch(self, id: str, mode: Mode, by: str, reason: str, override: bool) -> dict[str, Any]: ...

    async def versions(self, id: str) -> list[dict[str, Any]]: ...

    async def backtest(self, id: str | None, asked: dict[str, Any], by: str) -> dict[str, Any]: ...

    async def vocabulary(self) -> dict[str, Any]: ...


class NoRules:
    """For a server without rules: a description of the API, a test of another part."""

    def __getattr__(self, name: str) -> Any:
        raise ResourceNotFound("no rules run here")


def add_rules(app: FastAPI, rules: RulesDesk, problems: dict[int | str, dict[str, Any]]) -> None:
    """Add the routes; `problems` describes what else they answer."""
    _add_reading(app, rules, problems)
    _add_writing(app, rules, problems)
    _add_trying(app, rules, problems)


def _add_reading(app: FastAPI, rules: RulesDesk, problems: dict[int | str, dict[str, Any]]) -> None:
    @app.get("/rules", response_model=rule_shapes.RuleListView, tags=["rules"])
    async def read_rules(q: Annotated[str, Query(max_length=200)] = "", mode: Mode | None = None) -> Any:
        """All rules by id with their status; `q` finds in id and titles without regard to diacritics."""
        found = await rules.rules(q, mode)
        return {"rules": found, "total": len(found)}

    @app.get("/rules-vocabulary", response_model=rule_shapes.VocabularyView, tags=["rules"])
    async def read_vocabulary() -> Any:
        """Types, attributes, people and procedures that a rule can name."""
        return await rules.vocabulary()

    @app.get("/rules/{id}", response_model=rule_shapes.RuleView, responses=problems, tags=["rules"])
    async def read_rule(id: str) -> Any:
        """One rule with its status."""
        return await rules.rule(id)

    @app.get("/rules/{id}/versions", response_model=list[rule_shapes.VersionView], responses=problems, tags=["rules"])
    async def read_versions(id: str) -> Any:
        """Who changed or switched the rule when and why, the newest first; also of a deleted rule."""
        return await rules.versions(id)


def _add_writing(app: FastAPI, rules: RulesDesk, problems: dict[int | str, dict[str, Any]]) -> None:
    conflict: dict[int | str, dict[str, Any]] = {
        409: {
            "model": shapes.ProblemView,
            "description": "Somebody else changed the rule: who and when",
        }
    }

    @app.put("/rules/{id}", response_model=rule_shapes.RuleView, responses={**problems, **conflict}, tags=["rules"])
    async def write_rule(id: str, asked: rule_shapes.RuleWrite, operator: Operator = ANONYMOUS) -> Any:
        """Keep a new version of a rule; a new rule begins switched off. Answers 400 with all faults as `faults`."""
        return await rules.put(id, asked.model_dump(), asked.version, operator, asked.reason)

    @app.delete("/rules/{id}", status_code=204, responses={**problems, **conflict}, tags=["rules"])
    async def delete_rule(
        id: str, version: Annotated[int, Query(ge=1)], reason: str = "", operator: Operator = ANONYMOUS
    ) -> None:
        """Delete a rule; what it had raised is cleared. Its versions stay."""
        await rules.drop(id, version, operator, reason)

    @app.post(
        "/rules/{id}/mode", response_model=rule_shapes.RuleView, responses={**problems, **conflict}, tags=["rules"]
    )
    async def switch_rule(
        id: str, asked: rule_shapes.ModeChange, request: Request, operator: Operator = ANONYMOUS
    ) -> Any:
        """Switch a rule off, to a dry run, or on."""
        refuse_other_sites(request)
        return await rules.switch(id, asked.mode, operator, asked.reason, asked.override)


def _add_trying(app: FastAPI, rules: RulesDesk, problems: dict[int | str, dict[str, Any]]) -> None:
    @app.post("/rules-check", response_model=rule_shapes.RuleCheckView, tags=["rules"])
    async def check_rule(draft: rule_shapes.RuleDraft, request: Request) -> Any:
        """Every fault of a draft; nothing is kept."""
        refuse_other_sites(request)
        return await rules.check(draft.model_dump())

    @app.post("/rules-backtest", response_model=rule_shapes.BacktestView, responses=problems, tags=["rules"])
    async def backtest_draft(
        asked: rule_shapes.BacktestRequest, request: Request, operator: Operator = ANONYMOUS
    ) -> Any:
        """What a draft would have done in the past; nothing is kept."""
        refuse_other_sites(request)
        return await rules.backtest(None, asked.model_dump(), operator)

    @app.post("/rules/{id}/backtest", response_model=rule_shapes.BacktestView, responses=problems, tags=["rules"])
    async def backtest_rule(
        id: str, asked: rule_shapes.BacktestRequest, request: Request, operator: Operator = ANONYMOUS
    ) -> Any:
        """What the rule would have done in the past; it counts as looked at."""
        refuse_other_sites(request)
        return await rules.backtest(id, asked.model_dump(), operator)
