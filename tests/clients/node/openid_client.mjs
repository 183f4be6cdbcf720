// `openid-client` and `jose` as an application and a resource server use them. Run with the directory of node_modules as the
// working directory and this file on standard input. Environment: KEYWRIGHT_URL, SECRET (api-client), RESOURCE_SERVER_SECRET.
import assert from 'node:assert/strict'
import * as client from 'openid-client'
import * as jose from 'jose'

const issuer = `${process.env.KEYWRIGHT_URL}/auth/realms/master`
const jane = { username: 'jane@example.test', password: 'secret' }
const connect = (id, authentication) =>
  client.discovery(new URL(issuer), id, undefined, authentication, { execute: [client.allowInsecureRequests] })

const api = await connect('api-client', client.ClientSecretBasic(process.env.SECRET))
const keys = jose.createRemoteJWKSet(new URL(api.serverMetadata().jwks_uri))
const verified = async (token, typ) => {
  const { payload, protectedHeader } = await jose.jwtVerify(token, keys, { issuer, algorithms: ['RS256'] })
  assert.equal(protectedHeader.typ, 'JWT')
  assert.equal(payload.typ, typ)
  return payload
}

// Client credentials, by Basic and in the body.
const post = await connect('api-client', client.ClientSecretPost(process.env.SECRET))
for (const config of [api, post]) {
  const own = await client.clientCredentialsGrant(config)
  assert.equal((await verified(own.access_token, 'Bearer')).preferred_username, 'service-account-api-client')
}

// Password with `openid`; the library itself verifies issuer, audience, times and signature of the ID token.
client.enableNonRepudiationChecks(api)
const tokens = await client.genericGrantRequest(api, 'password', { ...jane, scope: 'openid' })
const claims = await verified(tokens.access_token, 'Bearer')
assert.equal(tokens.claims().sub, claims.sub)
assert.equal(tokens.claims().aud, 'api-client')
assert.equal((await verified(tokens.id_token, 'ID')).sid, claims.sid)

// Refresh stays in the session; userinfo answers for the subject that the ID token named.
const refreshed = await client.refreshTokenGrant(api, tokens.refresh_token)
assert.equal((await verified(refreshed.access_token, 'Bearer')).sid, claims.sid)
const info = await client.fetchUserInfo(api, refreshed.access_token, claims.sub)
assert.equal(info.email, jane.username)

// A public client's token names resource-server in `aud`, so that server may introspect it, and sees its revocation.
const orders = await connect('orders-app', client.None())
const server = await connect('resource-server', client.ClientSecretBasic(process.env.RESOURCE_SERVER_SECRET))
const order = await client.genericGrantRequest(orders, 'password', { ...jane, scope: 'openid' })
const seen = await client.tokenIntrospection(server, order.access_token)
assert.equal(seen.active, true)
assert.equal(seen.client_id, 'orders-app')
assert.ok([seen.aud].flat().includes('resource-server'))
await client.tokenRevocation(orders, order.refresh_token)
assert.equal((await client.tokenIntrospection(server, order.access_token)).active, false)
await assert.rejects(client.refreshTokenGrant(orders, order.refresh_token), { error: 'invalid_grant' })

// Refusals arrive as the library's own typed errors.
await assert.rejects(client.genericGrantRequest(orders, 'password', { ...jane, password: 'wrong' }), {
  error: 'invalid_grant',
  error_description: 'Invalid user credentials',
})
await assert.rejects(client.fetchUserInfo(orders, order.access_token, claims.sub), /401|unauthorized|WWW-Authenticate/i)

console.log('ok')
