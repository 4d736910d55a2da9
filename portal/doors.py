"""Plugs the doors into Flask and Flask-AppBuilder: identity, generated views and APIs, special screens."""

from __future__ import annotations

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_appbuilder.api.manager import OpenApi
from flask_sqlalchemy import SQLAlchemy

from portal import domain, views
from portal.engine.spec import registry
from portal.security.manager import PortalSecurityManager as SecurityManager
from portal.web import addresses, answers, api, entity_view, health, identity, login, protection, shell, token

__all__ = ["SecurityManager", "index_view", "install"]

domain.load()


def index_view() -> type:
    """The page behind `/`."""
    return views.HomeView


def install(app: Flask, appbuilder: AppBuilder, database: SQLAlchemy) -> None:
    """Everything a request meets, in the order it meets it."""
    addresses.install(app)
    health.install(app)
    identity.install(app, database)
    protection.install(app)
    answers.install(app)
    shell.install(app)
    for spec in registry().values():
        appbuilder.add_view_no_menu(entity_view.view_of(spec))
        appbuilder.add_api(api.api_of(spec))
    appbuilder.add_api(token.SecurityApi)
    appbuilder.add_api(OpenApi)
    views.install(app, appbuilder)
    login.register(appbuilder)
