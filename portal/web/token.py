"""Flask-AppBuilder's token doors with the rules of the sign-in page: `/api/v1/security/login` and `/refresh`."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_appbuilder.api import expose, safe
from flask_appbuilder.security.api import SecurityApi as FabSecurityApi
from flask_jwt_extended import create_access_token, create_refresh_token, get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import PyJWTError
from marshmallow import Schema, ValidationError, fields, validate

from portal.engine import store
from portal.engine.clock import clock
from portal.engine.errors import PortalError
from portal.security import account
from portal.web import credentials, identity
from portal.web.credentials import SignInRefused
from portal.web.language import language
from portal.web.throttle import TooMany

_MUST_CHANGE = "请先在网页登录并改密码。 | Sign in on the page first and change the password."
_SIGN_IN_AGAIN = "登录已结束，请重新登录。 | The session has ended. Sign in again."


class Credentials(Schema):
    """What the sign-in body holds; anything else is refused."""

    username = fields.String(required=True, validate=validate.Length(min=1, max=320))
    password = fields.String(required=True, validate=validate.Length(min=1, max=1024))
    provider = fields.String(load_default="db", validate=validate.OneOf(["db"]))
    refresh = fields.Boolean(load_default=False)


_credentials = Credentials()


class SecurityApi(FabSecurityApi):  # type: ignore[misc]
    """A token names its login session (`sid`): what ends the session ends the token."""

    resource_name = "security"
    endpoint = "SecurityApi"

    @expose("/login", methods=["POST"])
    @safe
    def login(self) -> Response:
        """Sign in for programs
        ---
        post:
          summary: Sign in and get a token
          description: 401 wrong login or password; 403 inactive or a password change is due; 429 too many failures.
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  type: object
                  required: [username, password]
                  properties:
                    username: {type: string, example: rep07}
                    password: {type: string}
                    provider: {type: string, enum: [db]}
                    refresh: {type: boolean, description: Also give a refresh token}
          responses:
            200:
              description: "`access_token`, and `refresh_token` where it was asked for"
            400:
              $ref: '#/components/responses/400'
            401:
              $ref: '#/components/responses/401'
            403:
              $ref: '#/components/responses/403'
            429:
              description: Too many failed sign-ins; Retry-After says how many seconds to wait
        """
        if not request.is_json:
            return self._plain(400, message="Request payload is not JSON")
        try:
            given: dict[str, Any] = _credentials.load(request.get_json(silent=True) or {})
        except ValidationError as error:
            return self._plain(400, message=error.messages)
        return self._sign_in(given)

    @expose("/refresh", methods=["POST"])
    @safe
    def refresh(self) -> Response:
        """A new access token for a refresh token
        ---
        post:
          summary: Renew the access token
          responses:
            200:
              description: Renewed
              content:
                application/json:
                  schema:
                    type: object
                    properties:
                      access_token: {type: string}
            401:
              $ref: '#/components/responses/401'
          security:
            - jwt_refresh: []
        """
        try:
            verify_jwt_in_request(refresh=True)
        except (JWTExtendedException, PyJWTError):
            return self._refused(SignInRefused(_SIGN_IN_AGAIN, rule="ended"), 401)
        claims = get_jwt()
        key = str(claims.get(identity.TOKEN_CLAIM, ""))
        if not identity.still_open(store.session(), key, clock.now()):
            return self._refused(SignInRefused(_SIGN_IN_AGAIN, rule="ended"), 401)
        token = create_access_token(identity=claims["sub"], fresh=False, additional_claims={identity.TOKEN_CLAIM: key})
        return self._plain(200, access_token=token)

    def _sign_in(self, given: dict[str, Any]) -> Response:
        session, now = store.session(), clock.now()
        try:
            found = credentials.check(session, given["username"], given["password"], now)
        except (SignInRefused, TooMany) as refused:
            return self._refused(refused)
        if found.must_change:
            return self._refused(SignInRefused(_MUST_CHANGE, rule="password_change"))
        claims = {identity.TOKEN_CLAIM: credentials.admit(session, found, account.TOKEN, now)}
        tokens = {"access_token": create_access_token(identity=str(found.id), fresh=True, additional_claims=claims)}
        if given["refresh"]:
            tokens["refresh_token"] = create_refresh_token(identity=str(found.id), additional_claims=claims)
        return self._plain(200, **tokens)

    def _refused(self, refused: PortalError, status: int = 0) -> Response:
        response = self._plain(status or refused.status, error=refused.rule, message=refused.in_(language()))
        if isinstance(refused, TooMany):
            response.headers["Retry-After"] = str(refused.seconds)
        return response

    def _plain(self, status: int, **body: Any) -> Response:
        made: Response = self.response(status, **body)
        return made
