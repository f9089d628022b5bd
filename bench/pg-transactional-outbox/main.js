// The npm package pg-transactional-outbox as a relay to RabbitMQ, set up to be as
// fast as it can be while it keeps the order of each aggregate (its "segment").
//
//   node main.js setup polling|replication
//   node main.js run polling|replication EVENTS SECONDS
//
// setup makes its table; run drains EVENTS rows of it, for SECONDS at most, and prints
// {"events": how many were confirmed, "seconds": since the start of this process}.
// Reads BENCH_PG_DSN, BENCH_AMQP_URL, BENCH_EXCHANGE.
'use strict';

const amqp = require('amqplib');
const { Client } = require('pg');
const {
  DatabaseSetup,
  createReplicationMultiConcurrencyController,
  getDisabledLogger,
  initializePollingMessageListener,
  initializeReplicationMessageListener,
} = require('pg-transactional-outbox');

const CONNECTIONS = 20;
const BATCH = 100;

const tables = {
  outboxOrInbox: 'outbox',
  schema: 'public',
  table: 'outbox',
  listenerRole: 'postgres',
  nextMessagesName: 'next_outbox_messages',
  publication: 'bench_publication',
  replicationSlot: 'bench_slot',
};

async function setup(listener) {
  const steps = {
    polling: ['createPollingFunction', 'setupPollingIndexes'],
    replication: ['setupReplicationCore', 'setupReplicationSlot'],
  };
  const client = new Client({ connectionString: process.env.BENCH_PG_DSN });
  await client.connect();
  for (const step of ['dropAndCreateTable', ...steps[listener]]) {
    await client.query(DatabaseSetup[step](tables));
  }
  await client.end();
}

// As much of the envelope as the package has to offer.
function envelope(message) {
  return Buffer.from(JSON.stringify({
    specversion: '1.0',
    id: message.id,
    source: '/bench',
    type: message.messageType,
    subject: message.aggregateId,
    time: message.createdAt,
    datacontenttype: 'application/json',
    dataschema: `https://waybill.example/events/${message.messageType}.json`,
    sequence: '00000000000000000001',
    data: message.payload,
  }));
}

function publish(channel, message) {
  return new Promise((resolve, reject) => {
    channel.publish(process.env.BENCH_EXCHANGE, message.messageType, envelope(message), {
      mandatory: true,
      persistent: true,
      contentType: 'application/cloudevents+json',
      messageId: message.id,
      type: message.messageType,
      appId: 'bench',
      timestamp: Math.floor(Date.parse(message.createdAt) / 1000),
    }, (error) => (error ? reject(error) : resolve()));
  });
}

// A poll reads the whole backlog however little it asks for, so ask for a batch when
// the last one is nearly done. (Without the pause the package would spin.)
async function batchSize(inHand) {
  if (inHand <= BATCH / 5) return BATCH;
  await new Promise((resolve) => setTimeout(resolve, 1));
  return inHand;
}

function listen(listener, handler) {
  const config = {
    outboxOrInbox: 'outbox',
    dbListenerConfig: { connectionString: process.env.BENCH_PG_DSN, max: CONNECTIONS },
    settings: {
      dbSchema: tables.schema,
      dbTable: tables.table,
      messageProcessingTimeoutInMs: 600000,
      enableMaxAttemptsProtection: false,
      enablePoisonousMessageProtection: false,
      messageCleanupIntervalInMs: 0,
      nextMessagesFunctionName: tables.nextMessagesName,
      nextMessagesLockInMs: 60000,
      nextMessagesPollingIntervalInMs: 10,
      dbPublication: tables.publication,
      dbReplicationSlot: tables.replicationSlot,
    },
  };
  if (listener === 'polling') {
    initializePollingMessageListener(config, handler, getDisabledLogger(),
      { batchSizeStrategy: batchSize });
  } else {
    initializeReplicationMessageListener(config, handler, getDisabledLogger(), {
      concurrencyStrategy:
        createReplicationMultiConcurrencyController(() => 'segment-mutex'),
    });
  }
}

async function run(listener, events, seconds) {
  let confirmed = 0;
  const end = () => {
    console.log(JSON.stringify({ events: confirmed, seconds: performance.now() / 1000 }));
    process.exit(0);
  };
  const connection = await amqp.connect(process.env.BENCH_AMQP_URL);
  const channel = await connection.createConfirmChannel();
  channel.on('return', () => { throw new Error('no queue takes the messages'); });
  setTimeout(end, seconds * 1000 - performance.now());
  listen(listener, {
    handle: async (message) => {
      await publish(channel, message);
      confirmed += 1;
      if (confirmed === events) end();
    },
  });
}

const [command, listener, events, seconds] = process.argv.slice(2);
(command === 'setup' ? setup(listener) : run(listener, Number(events), Number(seconds)))
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
