import { createMemoryStore } from '../index.ts';
import { storeContract } from '../store.contract.ts';

storeContract('memory', () => ({ open: async () => createMemoryStore(), dispose: async () => {} }));
