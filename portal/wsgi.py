"""The application for gunicorn: `portal.wsgi:app`."""

import os

from config import Config
from portal.factory import create_app
from portal.services import ensure

app = create_app(ensure(Config.from_env(os.environ)))
