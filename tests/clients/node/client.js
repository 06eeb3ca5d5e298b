// What users of Node's etcd3 do, with the servers named by the last argument. Each thing done is a
// line "ok"; "kill" and "restart" ask whoever reads the lines to do that to the leader.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const readline = require('node:readline');
const { setTimeout: pause } = require('node:timers/promises');
const {
  Etcd3, EtcdPermissionDeniedError, EtcdLockFailedError, isRecoverableError,
} = require('etcd3');

const hosts = process.argv.at(-1).split(',').map((one) => `http://${one}`);
const client = new Etcd3({ hosts });
const lines = readline.createInterface({ input: process.stdin });
const PATIENCE = 60_000;

async function ask(what) {
  const answered = once(lines, 'line');
  console.log(what);
  await answered;
}

async function eventually(question, what) {
  for (const end = Date.now() + PATIENCE; ; await pause(50)) {
    if (await question()) return;
    assert(Date.now() < end, `in time: ${what}`);
  }
}

async function keys() {
  await client.put('keys/a').value('1');
  const former = await client.put('keys/a').value('2').getPrevious();
  assert.equal(former.value.toString(), '1');
  for (const name of ['c', 'b', 'd']) await client.put(`keys/${name}`).value(name);
  assert.equal(await client.get('keys/a').string(), '2');
  assert.equal(await client.get('none').string(), null);
  const all = await client.getAll().prefix('keys/').sort('Mod', 'Descend').strings();
  assert.deepEqual(Object.keys(all), ['keys/d', 'keys/b', 'keys/c', 'keys/a']);
  assert.deepEqual(await client.getAll().prefix('keys/').limit(2).keys(), ['keys/a', 'keys/b']);
  assert.equal(await client.getAll().prefix('keys/').count(), 4);
  const inside = client.namespace('keys/');
  assert.equal(await inside.get('b').string(), 'b');
  assert.equal((await client.delete().prefix('keys/')).deleted, '4');
}

async function transactions() {
  const first = () => client.if('txn', 'Create', '==', 0)
    .then(client.put('txn').value('1')).else(client.get('txn')).commit();
  assert.equal((await first()).succeeded, true);
  const second = await first();
  assert.equal(second.succeeded, false);
  assert.equal(second.responses[0].response_range.kvs[0].value.toString(), '1');
  await client.put('sum').value('0');
  await Promise.all(Array.from({ length: 8 }, () => client.stm({ retries: 100 })
    .transact(async (tx) => tx.put('sum').value(await tx.get('sum').number() + 1))));
  assert.equal(await client.get('sum').number(), 8);
}

async function leases() {
  const lease = client.lease(600);
  await lease.put('leased').value('');
  assert.equal((await lease.keepaliveOnce()).TTL, '600');
  const left = await client.leaseClient.leaseTimeToLive({ ID: await lease.grant(), keys: true });
  assert.deepEqual(left.keys.map(String), ['leased']);
  await lease.revoke();
  assert.equal(await client.get('leased').string(), null);
  const kept = client.lease(2);
  await kept.put('leased/kept').value('');
  const brief = client.lease(1, { autoKeepAlive: false });
  await brief.put('leased/brief').value('');
  await eventually(async () => await client.get('leased/brief').string() === null, 'its end');
  await once(kept, 'keepaliveSucceeded');
  assert.equal(await client.get('leased/kept').string(), '');
  await kept.revoke();
}

async function watches() {
  const watch = await client.watch().prefix('watch/').withPreviousKV().create();
  const told = [];
  watch.on('put', (kv, was) => told.push(`put ${kv.key} ${kv.value} ${was ? was.value : ''}`));
  watch.on('delete', (kv, was) => told.push(`delete ${kv.key} ${was.value}`));
  const put = await client.put('watch/a').value('1');
  await client.put('watch/a').value('2');
  await client.delete().key('watch/a');
  await eventually(() => told.length >= 3, 'events');
  assert.deepEqual(told, ['put watch/a 1 ', 'put watch/a 2 1', 'delete watch/a 2']);
  await watch.cancel();
  const again = await client.watch().key('watch/a').startRevision(put.header.revision)
    .only('delete').watcher();
  const [gone] = await once(again, 'delete');
  assert.equal(gone.mod_revision, String(Number(put.header.revision) + 2));
  await again.cancel();
}

async function locks() {
  const held = await client.lock('lock').ttl(20).acquire();
  await assert.rejects(client.lock('lock').acquire(), EtcdLockFailedError);
  await held.release();
  assert.equal(await client.lock('lock').do(() => 'inside'), 'inside');
}

async function elections() {
  const election = client.election('lead', 20);
  const one = election.campaign('one');
  await once(one, 'elected');
  const observer = await election.observe();
  assert.equal(observer.leader(), 'one');
  const other = election.campaign('other');
  await one.proclaim('still one');
  await eventually(() => observer.leader() === 'still one', 'what it says');
  const followed = once(other, 'elected');
  await one.resign();
  await followed;
  assert.equal(await election.leader(), 'other');
  await observer.cancel();
  await other.resign();
}

async function members() {
  assert.equal((await client.cluster.memberList({})).members.length, hosts.length);
  assert.notEqual((await client.maintenance.status()).leader, '0');
  assert.equal((await client.maintenance.alarm({ action: 'Get' })).alarms.length, 0);
}

async function users() {
  const role = await client.role('reader').create();
  await role.grant({ permission: 'Read', range: client.range({ prefix: 'open/' }) });
  await (await client.user('guest').create('pw')).addRole('reader');
  await client.role('root').create();
  await (await client.user('root').create('pw')).addRole('root');
  await client.put('open/a').value('1');
  await client.auth.authEnable();
  const root = new Etcd3({ hosts, auth: { username: 'root', password: 'pw' } });
  const guest = new Etcd3({ hosts, auth: { username: 'guest', password: 'pw' } });
  assert.equal(await guest.get('open/a').string(), '1');
  await assert.rejects(guest.put('open/a').value('2'), EtcdPermissionDeniedError);
  await assert.rejects(guest.get('closed').string(), EtcdPermissionDeniedError);
  await root.auth.authDisable();
  root.close();
  guest.close();
  await client.user('guest').delete();
  await client.role('reader').delete();
}

async function survival() {
  const told = [];
  const watch = await client.watch().prefix('survival/').create();
  watch.on('put', (kv) => told.push(kv.key.toString()));
  const wanted = [];
  for (let number = 0; number < 200; ++number) {
    if (number === 50) await ask('kill');
    if (number === 150) await ask('restart');
    const key = `survival/${number}`;
    wanted.push(key);
    const write = () => client.if(key, 'Create', '==', 0).then(client.put(key).value('')).commit();
    await eventually(() => write().then(() => true, (error) => {
      if (isRecoverableError(error)) return false;
      throw error;
    }), key);
  }
  await eventually(() => told.length >= wanted.length, 'all events');
  assert.deepEqual(told, wanted);
  await watch.cancel();
}

(async () => {
  for (const check of [keys, transactions, leases, watches, locks, elections, members, users,
    survival]) {
    await check();
    console.log('ok', check.name);
  }
  client.close();
  lines.close();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
