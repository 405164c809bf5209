/** A gRPC service over h2c that behaves as its requests ask, and a client of it; messages are JSON, without protobuf. */
import {
  type ChannelCredentials,
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';

export interface Message {
  readonly text: string;
  readonly count?: number;
}

const serialize = (message: Message): Buffer => Buffer.from(JSON.stringify(message));
const deserialize = (bytes: Buffer): Message => JSON.parse(bytes.toString()) as Message;

function method(
  name: string,
  requestStream: boolean,
  responseStream: boolean,
): MethodDefinition<Message, Message> {
  const path = `/test.Echo/${name}`;
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  };
}

const SERVICE = {
  once: method('Once', false, false),
  gather: method('Gather', true, false),
  count: method('Count', false, true),
  talk: method('Talk', true, true),
};

export interface GrpcServer {
  readonly port: number;
  /** Calls that the client has cancelled, as the server heard it. */
  readonly cancelled: string[];
  close(): void;
}

export async function grpcServer(): Promise<GrpcServer> {
  const cancelled: string[] = [];
  const server = new Server();
  server.addService(SERVICE, {
    once(call: ServerUnaryCall<Message, Message>, reply: sendUnaryData<Message>) {
      call.on('cancelled', () => cancelled.push(call.request.text));
      const { text } = call.request;
      if (text === 'never') return;
      const trailers = new Metadata();
      trailers.set('x-trailer', 'at the end');
      if (text === 'fail')
        reply({ code: status.FAILED_PRECONDITION, details: 'not now: ä', metadata: trailers });
      else reply(null, { text: `${text} of ${String(call.metadata.get('x-who')[0])}` }, trailers);
    },
    gather(call: ServerReadableStream<Message, Message>, reply: sendUnaryData<Message>) {
      let text = '';
      call.on('data', (message: Message) => {
        text += message.text;
      });
      call.on('end', () => reply(null, { text }));
    },
    count(call: ServerWritableStream<Message, Message>) {
      call.on('cancelled', () => cancelled.push(call.request.text));
      const { text, count = 0 } = call.request;
      for (let index = 0; index < count; index++) call.write({ text: `${text} ${index}` });
      if (text !== 'for ever') call.end();
    },
    talk(call: ServerDuplexStream<Message, Message>) {
      call.on('data', (message: Message) => call.write({ text: `you said ${message.text}` }));
      call.on('end', () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, cancelled, close: () => server.forceShutdown() };
}

export function grpcClient(
  port: number,
  authority: string,
  channel: ChannelCredentials = credentials.createInsecure(),
): Client {
  return new Client(`127.0.0.1:${port}`, channel, {
    'grpc.default_authority': authority,
    'grpc.ssl_target_name_override': authority,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
  });
}

export function callArguments(
  definition: keyof typeof SERVICE,
): [path: string, serialize: typeof serialize, deserialize: typeof deserialize] {
  return [SERVICE[definition].path, serialize, deserialize];
}
