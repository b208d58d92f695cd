"""The protocol's routes together."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from service.api.open_inference import health, infer, metadata, repository

ROUTERS: Final[tuple[APIRouter, ...]] = (metadata.router, infer.router, repository.router, health.router)
