/**
 * What all workers serve TLS by: the certificates and challenges that were published, and the way to tell them.
 * Owns the list; who obtains certificates owns the files. Published before the workers begin, it costs them nothing.
 */
import type { ToWorker } from '../workers/worker-protocol.ts';
import type {
  AcmeChallenge,
  CertificateChange,
  CertificatePublisher,
  StoredCertificate,
} from './contract.ts';

export interface PublicationChannel {
  tell(message: ToWorker): void;
  /** Resolves when every worker serves by this version, draining ones too; rejects with `workers_slow`. */
  certified(version: number): Promise<void>;
}

type WholeList = Extract<ToWorker, { type: 'certificates' }>;

export class PublishedCertificates implements CertificatePublisher {
  readonly #channel: () => PublicationChannel;
  readonly #certificates = new Map<string, StoredCertificate>();
  readonly #challenges = new Map<string, AcmeChallenge>();
  #version = 0;

  constructor(channel: () => PublicationChannel) {
    this.#channel = channel;
  }

  /** For a worker that begins, or comes from another daemon. */
  current(): WholeList {
    return {
      type: 'certificates',
      version: this.#version,
      certificates: [...this.#certificates.values()],
      challenges: [...this.#challenges.values()],
    };
  }

  publish({ put, remove }: CertificateChange): Promise<void> {
    const change = { put: put.map(asServed), remove };
    for (const id of remove) this.#certificates.delete(id);
    for (const certificate of change.put) this.#certificates.set(certificate.id, certificate);
    return this.#say((version) => ({ type: 'certificate-change', version, change }));
  }

  publishChallenge(challenge: AcmeChallenge): Promise<void> {
    this.#challenges.set(keyOf(challenge), challenge);
    return this.#say((version) => ({ type: 'challenge', version, challenge, isWithdrawn: false }));
  }

  withdrawChallenge(challenge: AcmeChallenge): Promise<void> {
    this.#challenges.delete(keyOf(challenge));
    return this.#say((version) => ({ type: 'challenge', version, challenge, isWithdrawn: true }));
  }

  #say(orderOf: (version: number) => ToWorker): Promise<void> {
    this.#version += 1;
    const channel = this.#channel();
    channel.tell(orderOf(this.#version));
    return channel.certified(this.#version);
  }
}

/** Who publishes may know more of it than workers are to be told. */
function asServed({ id, names, file, notBefore, notAfter, isOwn }: StoredCertificate): StoredCertificate {
  return { id, names, file, notBefore, notAfter, isOwn };
}

/** Several may be under way for one host. */
function keyOf(challenge: AcmeChallenge): string {
  const { kind, host } = challenge;
  return `${kind} ${host} ${kind === 'http-01' ? challenge.token : challenge.certificatePem}`;
}
