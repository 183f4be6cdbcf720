"""A mail server on a port of the system's choice that takes everything and prints each mail as a line of JSON.

sink.py plain|starttls|tls [CERTIFICATE KEY] [USER PASSWORD]: with a user, nobody sends without signing in.
"""
import asyncio, functools, json, socket, ssl, sys

from aiosmtpd.smtp import SMTP, AuthResult


mode = sys.argv[1]


class Keeper:
    async def handle_DATA(self, server, session, envelope):
        mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "data": envelope.content.decode(), "tls": mode == "tls" or session.ssl is not None}
        mail["user"] = session.auth_data.login.decode() if session.auth_data else None
        print(json.dumps(mail), flush=True)
        return "250 kept"


def main():
    rest = sys.argv[2:]
    context = None
    if mode != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(rest[0], rest[1])
        rest = rest[2:]

    def check(server, session, envelope, mechanism, data):
        right = rest and data.login.decode() == rest[0] and data.password.decode() == rest[1]
        return AuthResult(success=bool(right), handled=False, auth_data=data)

    settings = {"hostname": "localhost", "require_starttls": mode == "starttls", "enable_SMTPUTF8": True}
    if mode == "starttls":
        settings["tls_context"] = context
    if rest:
        settings |= {"auth_required": True, "auth_require_tls": False, "authenticator": check}
    listener = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()
    factory = functools.partial(SMTP, Keeper(), loop=loop, **settings)
    asyncio.set_event_loop(loop)
    loop.run_until_complete(loop.create_server(factory, sock=listener, ssl=context if mode == "tls" else None))
    print(f"port {listener.getsockname()[1]}", flush=True)
    loop.run_forever()


main()
