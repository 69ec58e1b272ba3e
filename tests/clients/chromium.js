// A Chromium with a profile of its own, which is gone when it is closed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { given } from './report.js';

// Does something in a new browser; `options` are those of Playwright's contexts.
export async function inChromium(options, act) {
  const profile = await mkdtemp(join(tmpdir(), 'claimsmith-chromium-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: given.chromium,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
    ...options,
  });
  try {
    return await act(browser);
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}
