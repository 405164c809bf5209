/** Sums up the layers of one pull into a line for people. Owns the counts of its pull. */

interface Layer {
  current: number;
  total: number;
}

export class PullProgress {
  readonly #image: string;
  readonly #layers = new Map<string, Layer>();

  constructor(image: string) {
    this.#image = image;
  }

  /** Takes one message of the engine. */
  note(message: Record<string, unknown>): void {
    const id = message['id'];
    if (typeof id !== 'string') return;
    const layer = this.#layers.get(id);
    if (message['status'] === 'Downloading') {
      const detail = message['progressDetail'] as Partial<Layer> | undefined;
      const total = detail?.total ?? 0;
      if (total > 0) this.#layers.set(id, { current: detail?.current ?? 0, total });
    } else if (layer && isDownloaded(message['status'])) {
      layer.current = layer.total;
    }
  }

  /** `pulling nginx:1.27: 43 of 128 MB`. */
  toString(): string {
    let current = 0;
    let total = 0;
    for (const layer of this.#layers.values()) {
      current += layer.current;
      total += layer.total;
    }
    return total === 0
      ? `pulling ${this.#image}`
      : `pulling ${this.#image}: ${megabytes(current)} of ${megabytes(total)} MB`;
  }
}

function isDownloaded(status: unknown): boolean {
  return ['Verifying Checksum', 'Download complete', 'Extracting', 'Pull complete'].includes(String(status));
}

function megabytes(bytes: number): string {
  const value = bytes / 1_000_000;
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}
