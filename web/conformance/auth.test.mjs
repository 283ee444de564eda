// Auth as a page meets it: signing up and in, the session's life, the user's own data.

import assert from 'node:assert/strict';

import { claimsOf, headerOf, legacyKey, mintToken, publishableKey, secondsFromNow } from './settings.mjs';
import { must, PASSWORD, refused } from './stage.mjs';
import { suite } from './suite.mjs';

/** Makes a session's revoked refresh tokens older than the interval in which they are accepted again. */
const ageRefreshTokens = (stage, userId) =>
  stage.superSql(`update auth.refresh_tokens set updated_at = now() - interval '1 minute' where user_id = $1`, [
    userId,
  ]);

suite('signing up', {
  'gives a session and a confirmed user': async (stage) => {
    const email = stage.email();
    const { user, session } = must(
      await stage.client().auth.signUp({ email, password: PASSWORD, options: { data: { name: 'Sarah' } } }),
    );
    assert.equal(user.email, email);
    assert.equal(user.role, 'authenticated');
    assert.equal(user.user_metadata.name, 'Sarah');
    assert.deepEqual(user.app_metadata, { provider: 'email', providers: ['email'] });
    assert.equal(user.identities[0].provider, 'email');
    assert.ok(user.email_confirmed_at);
    assert.equal(session.token_type, 'bearer');
    assert.equal(session.expires_in, 3600);
  },
  'signs the token with ES256 and the claims that policies use': async (stage) => {
    const { session, userId, email } = await stage.user();
    const claims = claimsOf(session.access_token);
    assert.equal(headerOf(session.access_token).alg, 'ES256');
    assert.equal(claims.sub, userId);
    assert.equal(claims.email, email);
    assert.deepEqual(
      [claims.role, claims.aud, claims.aal, claims.is_anonymous],
      ['authenticated', 'authenticated', 'aal1', false],
    );
    assert.equal(claims.amr[0].method, 'password');
    assert.equal(claims.exp - claims.iat, 3600);
    assert.ok(claims.session_id);
  },
  'takes an address once': async (stage) => {
    const { email } = await stage.user();
    refused(await stage.client().auth.signUp({ email, password: PASSWORD }), {
      name: 'AuthApiError',
      code: 'user_already_exists',
      status: 422,
    });
  },
  'refuses a short password and says why': async (stage) => {
    refused(await stage.client().auth.signUp({ email: stage.email(), password: '12345' }), {
      name: 'AuthWeakPasswordError',
      code: 'weak_password',
      status: 422,
      reasons: ['length'],
    });
  },
  'refuses what is no address': async (stage) => {
    refused(await stage.client().auth.signUp({ email: 'nobody', password: PASSWORD }), {
      name: 'AuthApiError',
      code: 'validation_failed',
      status: 400,
    });
  },
  'refuses a phone number with the code of a provider that is off': async (stage) => {
    refused(await stage.client().auth.signUp({ phone: '+4917012345', password: PASSWORD }), {
      code: 'phone_provider_disabled',
      status: 400,
    });
  },
  'makes anonymous users, who carry the data they came with': async (stage) => {
    const { user, session } = must(await stage.client().auth.signInAnonymously({ options: { data: { page: '/' } } }));
    assert.equal(user.is_anonymous, true);
    assert.equal(user.user_metadata.page, '/');
    assert.equal(user.email ?? '', '');
    const claims = claimsOf(session.access_token);
    assert.equal(claims.is_anonymous, true);
    assert.equal(claims.role, 'authenticated');
    assert.equal(claims.amr[0].method, 'anonymous');
  },
});

suite('a forgotten password', {
  'gives a session by the token of the mail, once, and who has an account is not told': async (stage) => {
    const { email } = await stage.user();
    const asker = stage.client();
    const redirectTo = 'http://127.0.0.1:3000/reset';
    const answer = must(await asker.auth.resetPasswordForEmail(email, { redirectTo }));
    assert.deepEqual(must(await asker.auth.resetPasswordForEmail(stage.email(), { redirectTo })), answer);
    const { rows } = await stage.superSql('select recovery_token from auth.users where email = $1', [email]);
    const token = rows[0].recovery_token;
    const { session, user } = must(await asker.auth.verifyOtp({ type: 'recovery', token_hash: token }));
    assert.equal(user.email, email);
    assert.equal(claimsOf(session.access_token).amr[0].method, 'otp');
    must(await asker.auth.updateUser({ password: 'another-password' }));
    must(await stage.client().auth.signInWithPassword({ email, password: 'another-password' }));
    refused(await stage.client().auth.verifyOtp({ type: 'recovery', token_hash: token }), {
      code: 'otp_expired',
      status: 403,
    });
  },
});

suite('signing in', {
  'takes the password': async (stage) => {
    const { email, userId } = await stage.user();
    const { user } = must(await stage.client().auth.signInWithPassword({ email, password: PASSWORD }));
    assert.equal(user.id, userId);
  },
  'takes an address in any case': async (stage) => {
    const { email, userId } = await stage.user();
    const answer = await stage.client().auth.signInWithPassword({ email: email.toUpperCase(), password: PASSWORD });
    assert.equal(must(answer).user.id, userId);
  },
  'tells a wrong password and an unknown address alike': async (stage) => {
    const { email } = await stage.user();
    for (const credentials of [
      { email, password: 'wrong-horse' },
      { email: stage.email(), password: PASSWORD },
    ]) {
      refused(await stage.client().auth.signInWithPassword(credentials), {
        name: 'AuthApiError',
        code: 'invalid_credentials',
        status: 400,
        message: 'Invalid login credentials',
      });
    }
  },
  'tells its listeners what happened': async (stage) => {
    const { email } = await stage.user();
    const client = stage.client();
    const events = [];
    const { data } = client.auth.onAuthStateChange((event) => events.push(event));
    must(await client.auth.signInWithPassword({ email, password: PASSWORD }));
    must(await client.auth.refreshSession());
    must(await client.auth.updateUser({ data: { a: 1 } }));
    await client.auth.signOut();
    data.subscription.unsubscribe();
    assert.deepEqual(
      events.filter((event) => event !== 'INITIAL_SESSION'),
      ['SIGNED_IN', 'TOKEN_REFRESHED', 'USER_UPDATED', 'SIGNED_OUT'],
    );
  },
  'refuses ways in that are switched off with a code': async (stage) => {
    const { error } = await stage.client().auth.signInWithOtp({ email: stage.email() });
    assert.equal(error.name, 'AuthApiError');
    assert.ok(error.code);
  },
});

suite('the session', {
  'rotates its refresh token and keeps its id': async (stage) => {
    const client = await stage.user();
    const { session } = must(await client.auth.refreshSession());
    assert.notEqual(session.refresh_token, client.session.refresh_token);
    assert.equal(claimsOf(session.access_token).session_id, claimsOf(client.session.access_token).session_id);
    assert.equal(must(await client.auth.getUser()).user.id, client.userId);
  },
  'gives a tab that lost the answer the same refresh token': async (stage) => {
    const client = await stage.user();
    const token = client.session.refresh_token;
    const [first, second] = [
      must(await client.auth.refreshSession({ refresh_token: token })),
      must(await stage.client().auth.refreshSession({ refresh_token: token })),
    ];
    assert.equal(first.session.refresh_token, second.session.refresh_token);
  },
  'ends when an old refresh token is used again': async (stage) => {
    const client = await stage.user();
    const stolen = client.session.refresh_token;
    for (let i = 0; i < 2; i += 1) must(await client.auth.refreshSession());
    await ageRefreshTokens(stage, client.userId);
    refused(await stage.client().auth.refreshSession({ refresh_token: stolen }), {
      name: 'AuthApiError',
      code: 'refresh_token_already_used',
      status: 400,
    });
    await ageRefreshTokens(stage, client.userId);
    refused(await client.auth.refreshSession(), { code: 'refresh_token_already_used', status: 400 });
  },
  'refuses a refresh token that it never gave out': async (stage) => {
    refused(await stage.client().auth.refreshSession({ refresh_token: 'invented' }), {
      name: 'AuthApiError',
      code: 'refresh_token_not_found',
      status: 400,
    });
  },
  'can be carried to another client': async (stage) => {
    const { session, userId } = await stage.user();
    const other = stage.client();
    must(await other.auth.setSession(session));
    assert.equal(must(await other.auth.getUser()).user.id, userId);
  },
  'is refreshed by the client when the token has expired': async (stage) => {
    const { session, userId } = await stage.user();
    const expired = mintToken({ ...claimsOf(session.access_token), exp: secondsFromNow(-10) });
    const other = stage.client();
    const answer = must(await other.auth.setSession({ access_token: expired, refresh_token: session.refresh_token }));
    assert.equal(answer.user.id, userId);
    assert.notEqual(answer.session.access_token, expired);
  },
  'is not the session of an expired or a forged token': async (stage) => {
    const { session } = await stage.user();
    const claims = claimsOf(session.access_token);
    for (const token of [
      mintToken({ ...claims, exp: secondsFromNow(-10) }),
      mintToken(claims, 'another-secret-of-at-least-thirty-two-characters'),
      `${session.access_token.slice(0, -8)}AAAAAAAA`,
    ]) {
      refused(await stage.client().auth.getUser(token), { name: 'AuthApiError', code: 'bad_jwt', status: 403 });
    }
  },
  'takes a token that was signed with the legacy secret': async (stage) => {
    const { session, userId } = await stage.user();
    const legacy = mintToken(claimsOf(session.access_token));
    assert.equal(must(await stage.client().auth.getUser(legacy)).user.id, userId);
  },
  'is verified by the client itself with the published keys': async (stage) => {
    const { auth, session, userId } = await stage.user();
    const { claims, header } = must(await auth.getClaims());
    assert.equal(claims.sub, userId);
    assert.equal(header.alg, 'ES256');
    const [head, , signature] = session.access_token.split('.');
    const forged = Buffer.from(JSON.stringify({ ...claims, role: 'service_role' })).toString('base64url');
    const answer = await auth.getClaims(`${head}.${forged}.${signature}`);
    refused(answer, { name: 'AuthInvalidJwtError' });
  },
  'has legacy tokens verified by asking': async (stage) => {
    const { auth, session, userId } = await stage.user();
    const { claims } = must(await auth.getClaims(mintToken(claimsOf(session.access_token))));
    assert.equal(claims.sub, userId);
  },
});

suite('signing out', {
  ...Object.fromEntries(
    [
      ['local', { here: false, there: true }],
      ['others', { here: true, there: false }],
      ['global', { here: false, there: false }],
    ].map(([scope, alive]) => [
      `with scope ${scope} ends what it says`,
      async (stage) => {
        const here = await stage.user();
        const there = stage.client();
        must(await there.auth.signInWithPassword({ email: here.email, password: PASSWORD }));
        const tokens = {
          here: here.session.refresh_token,
          there: must(await there.auth.getSession()).session.refresh_token,
        };
        assert.equal((await here.auth.signOut({ scope })).error, null);
        assert.equal(must(await here.auth.getSession()).session === null, !alive.here);
        for (const [place, token] of Object.entries(tokens)) {
          const answer = await stage.client().auth.refreshSession({ refresh_token: token });
          if (alive[place]) must(answer);
          else refused(answer, { code: 'refresh_token_not_found', status: 400 });
        }
      },
    ]),
  ),
  'makes the access token useless to Auth at once': async (stage) => {
    const { auth, session } = await stage.user();
    await auth.signOut();
    const { error } = await stage.client().auth.getUser(session.access_token);
    assert.equal(error.name, 'AuthSessionMissingError', `${error}`);
  },
});

suite('the user', {
  'changes their data, and null takes a key away': async (stage) => {
    const { auth } = await stage.user();
    must(await auth.updateUser({ data: { lang: 'de', theme: 'dark' } }));
    const { user } = must(await auth.updateUser({ data: { theme: null } }));
    assert.equal(user.user_metadata.lang, 'de');
    assert.ok(!('theme' in user.user_metadata));
  },
  'becomes permanent under the same id by an address and a password': async (stage) => {
    const client = await stage.visitor();
    const email = stage.email();
    const { user } = must(await client.auth.updateUser({ email, password: PASSWORD }));
    assert.equal(user.id, client.userId);
    assert.equal(user.is_anonymous, false);
    const { session } = must(await client.auth.refreshSession());
    assert.equal(claimsOf(session.access_token).is_anonymous, false);
    const again = must(await stage.client().auth.signInWithPassword({ email, password: PASSWORD }));
    assert.equal(again.user.id, client.userId);
  },
  'cannot have a password while anonymous': async (stage) => {
    const { auth } = await stage.visitor();
    refused(await auth.updateUser({ password: PASSWORD }), { code: 'validation_failed', status: 422 });
  },
  'cannot take the address of another': async (stage) => {
    const [{ email }, { auth }] = [await stage.user(), await stage.user()];
    refused(await auth.updateUser({ email }), { name: 'AuthApiError', code: 'email_exists', status: 422 });
  },
  'needs a password other than the old one': async (stage) => {
    const { auth } = await stage.user();
    refused(await auth.updateUser({ password: PASSWORD }), { code: 'same_password', status: 422 });
  },
  'ends their other sessions with a new password': async (stage) => {
    const here = await stage.user();
    const there = stage.client();
    must(await there.auth.signInWithPassword({ email: here.email, password: PASSWORD }));
    must(await here.auth.updateUser({ password: 'another-horse' }));
    refused(await there.auth.refreshSession(), { code: 'refresh_token_not_found', status: 400 });
    must(await here.auth.refreshSession());
    must(await stage.client().auth.signInWithPassword({ email: here.email, password: 'another-horse' }));
  },
  'is told that they are gone when they were deleted': async (stage) => {
    const { auth, userId, session } = await stage.user();
    must(await stage.admin().auth.admin.deleteUser(userId));
    refused(await auth.getUser(session.access_token), { code: 'user_not_found', status: 403 });
  },
});

suite('administering users', {
  'makes, reads, changes and deletes one': async (stage) => {
    const { admin } = stage.admin().auth;
    const email = stage.email();
    const made = must(
      await admin.createUser({
        email,
        password: PASSWORD,
        email_confirm: true,
        user_metadata: { name: 'Mike' },
        app_metadata: { team: 'support' },
      }),
    ).user;
    assert.equal(made.app_metadata.team, 'support');
    assert.equal(must(await admin.getUserById(made.id)).user.email, email);
    const changed = must(
      await admin.updateUserById(made.id, { user_metadata: { name: 'Mia' }, password: 'new-horse' }),
    );
    assert.equal(changed.user.user_metadata.name, 'Mia');
    must(await stage.client().auth.signInWithPassword({ email, password: 'new-horse' }));
    must(await admin.deleteUser(made.id));
    refused(await admin.getUserById(made.id), { name: 'AuthApiError', code: 'user_not_found', status: 404 });
  },
  'lists pages with the total': async (stage) => {
    const { admin } = stage.admin().auth;
    await stage.user();
    await stage.user();
    const page = must(await admin.listUsers({ page: 1, perPage: 1 }));
    assert.equal(page.users.length, 1);
    assert.equal(page.nextPage, 2);
    assert.ok(page.total >= 2);
    // The client reads one digit of a page's number, so the last page must have no more.
    const whole = must(await admin.listUsers({ page: 1, perPage: 1000 }));
    assert.equal(whole.lastPage, 1);
    assert.ok(whole.users.length >= 2);
  },
  'bans and lifts a ban': async (stage) => {
    const { admin } = stage.admin().auth;
    const { email, userId } = await stage.user();
    const signIn = () => stage.client().auth.signInWithPassword({ email, password: PASSWORD });
    must(await admin.updateUserById(userId, { ban_duration: '1h' }));
    refused(await signIn(), { code: 'user_banned', status: 400 });
    must(await admin.updateUserById(userId, { ban_duration: 'none' }));
    must(await signIn());
  },
  'makes one who has to confirm first': async (stage) => {
    const email = stage.email();
    must(await stage.admin().auth.admin.createUser({ email, password: PASSWORD }));
    refused(await stage.client().auth.signInWithPassword({ email, password: PASSWORD }), {
      code: 'email_not_confirmed',
      status: 400,
    });
  },
  'invites one, who is not confirmed yet': async (stage) => {
    const { admin } = stage.admin().auth;
    const { user } = must(await admin.inviteUserByEmail(stage.email(), { data: { name: 'Ann' } }));
    assert.ok(user.invited_at);
    assert.ok(!user.email_confirmed_at);
    assert.equal(user.user_metadata.name, 'Ann');
    const { email } = await stage.user();
    refused(await admin.inviteUserByEmail(email), { code: 'email_exists', status: 422 });
  },
  'signs a user out by their token': async (stage) => {
    const { session } = await stage.user();
    must(await stage.admin().auth.admin.signOut(session.access_token, 'global'));
    refused(await stage.client().auth.refreshSession({ refresh_token: session.refresh_token }), {
      code: 'refresh_token_not_found',
    });
  },
  'takes the legacy key of service_role': async (stage) => {
    must(await stage.client(legacyKey('service_role')).auth.admin.listUsers());
  },
  'takes an address once': async (stage) => {
    const { email } = await stage.user();
    refused(await stage.admin().auth.admin.createUser({ email }), { code: 'email_exists', status: 422 });
  },
  'refuses every other key and every user': async (stage) => {
    const refusal = { name: 'AuthApiError', code: 'not_admin', status: 403 };
    for (const key of [publishableKey, legacyKey('anon')]) {
      refused(await stage.client(key).auth.admin.listUsers(), refusal);
    }
    const { session } = await stage.user();
    const asUser = stage.client(publishableKey, {
      global: { headers: { Authorization: `Bearer ${session.access_token}` } },
    });
    refused(await asUser.auth.admin.listUsers(), refusal);
  },
});
