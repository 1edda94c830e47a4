/**
 * fail2ban itself, from Debian's packages, for comparing with it. Nothing of it is part of the
 * project.
 */
import { debianPackage } from './debian-package.js';

/** Debian 12 and 13. */
export const FAIL2BAN_VERSIONS = ['1.0.2-2', '1.1.0-8'] as const;

/** The folder with the package's `etc` and `usr`, or why there is none. */
export function fail2banPackage(
  version: string,
): { readonly root: string } | { readonly reason: string } {
  return debianPackage(`f/fail2ban/fail2ban_${version}_all.deb`);
}
