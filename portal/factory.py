"""`create_app`: the one place that knows all parts and plugs them together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_appbuilder.menu import Menu
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy.orm import Session
from werkzeug.middleware.proxy_fix import ProxyFix

import jobs
from portal import logs, models
from portal.domain import calendar
from portal.engine import audit, pinging, store
from portal.engine.checks import check_together
from portal.engine.spec import registry
from portal.engine.verbs import check_verbs
from portal.security import session as gate
from portal.web.encoding import JsonProvider

if TYPE_CHECKING:
    from config import Config

models.User  # noqa: B018 - the data model is read before anything is derived from it


def create_app(config: Config) -> Flask:
    """The portal as a WSGI application for this configuration."""
    app = Flask("portal", template_folder="templates", static_folder="static")
    app.json = JsonProvider(app)
    app.config.update(_flask_settings(config))
    app.extensions["portal_config"] = config
    if config.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, config.proxies, config.proxies, config.proxies)  # type: ignore[method-assign]
    logs.configure(production=config.is_production)
    calendar.use_company(config.time_zone)
    jobs.use_broker(config.redis_url)
    database = _database(app)
    csrf = CSRFProtect(app)
    app.extensions["portal_csrf"] = csrf
    install_engine()
    with app.app_context():
        from portal import doors  # noqa: PLC0415 - doors need the finished data model and verbs

        specs = list(registry().values())
        check_together(specs)
        check_verbs(specs)
        appbuilder = AppBuilder(
            app,
            database.session,
            security_manager_class=doors.SecurityManager,
            base_template="base.html",
            indexview=doors.index_view(),
            menu=Menu(reverse=False),
        )
        doors.install(app, appbuilder, database)
    return app


def install_engine() -> None:
    """The listeners every session of the process keeps: the gate before the history, so that a refused write leaves none."""
    gate.install()
    audit.install(Session)


def _database(app: Flask) -> SQLAlchemy:
    database = SQLAlchemy(app, session_options={"autoflush": False})
    with app.app_context():
        engine = database.engine
    pinging.install(engine)
    store.use_factory(lambda: Session(engine, autoflush=False))
    return database


def _flask_settings(config: Config) -> dict[str, Any]:
    # A plan made for any value can be a hundred times slower than one made for this search or this reader. Names of
    # what a row refers to are joined in the order written: weighing all orders of eight joins takes longer than they do.
    plans = "-c plan_cache_mode=force_custom_plan -c join_collapse_limit=4 -c jit=off"
    settings = f"-c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000 -c timezone=UTC {plans}"
    production = config.env == "production"
    return {
        "SECRET_KEY": config.secret_key,
        "JWT_SECRET_KEY": config.jwt_secret_key,
        "JWT_ACCESS_TOKEN_EXPIRES": timedelta(hours=12),
        "SQLALCHEMY_DATABASE_URI": store.with_driver(config.database_url),
        "SQLALCHEMY_ENGINE_OPTIONS": {"connect_args": {"options": settings}, "pool_size": 10, "max_overflow": 10},
        "FAB_CREATE_DB": False,
        "FAB_UPDATE_PERMS": False,
        "FAB_ADD_SECURITY_VIEWS": False,
        "FAB_ADD_SECURITY_API": False,
        "FAB_ADD_OPENAPI_VIEWS": False,
        "FAB_ADD_MENU_API": False,
        "FAB_API_SWAGGER_UI": False,
        "FAB_API_MAX_PAGE_SIZE": 200,
        "AUTH_TYPE": 1,
        "AUTH_RATE_LIMITED": False,
        "RATELIMIT_ENABLED": False,
        "WTF_CSRF_CHECK_DEFAULT": False,
        "WTF_CSRF_TIME_LIMIT": None,
        "SESSION_COOKIE_NAME": "__Host-portal" if production else "portal",
        "SESSION_COOKIE_SECURE": production,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "MAX_CONTENT_LENGTH": 64 * 1024 * 1024,
        "BABEL_DEFAULT_LOCALE": "en",
        "LANGUAGES": {"zh": {"name": "简体中文"}, "en": {"name": "English"}},
        "APP_NAME": "销售门户 | Sales portal",
        "TEMPLATES_AUTO_RELOAD": not production,
    }
