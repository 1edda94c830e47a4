/** What the evidence of a jail says to the rest: of a login that is to come, and of itself. */

/** What is known of an address and a user before a password is looked at. */
export interface LoginFacts {
  /** The user logged in from the address lately, or at least from the network around it. */
  readonly credit?: 'address' | 'network';
  /** Others use the service, and the user never logged in at it from the network lately. */
  readonly isOddService: boolean;
  /**
   * The user's passwords are known, and this is none of them, nor did it come from the network
   * before, as that of a device with an old or a new one does.
   */
  readonly isOtherPassword: boolean;
  /** Other users with credit at the address. */
  readonly others: number;
  /** Points of the address, and at how many it is banned where nobody else logs in. */
  readonly points: number;
  readonly limit: number;
  /**
   * Nobody was seen to guess at the address for as long as it must be after what speaks against it.
   */
  readonly isQuiet: boolean;
  /** So many addresses fail for the user that each further one is banned at once. */
  readonly isUnderAttack: boolean;
  /**
   * So many addresses try a name that nobody logs in with. Not for a client that tries the same
   * password once more, as that of a new mailbox does: nothing can be guessed there.
   */
  readonly isDeadName: boolean;
  /**
   * Nobody ever logged in with the name, while many strangers try such names, unless somebody
   * logged in from the network; or strangers failed at an address that several share. Not for a
   * client that tries the same password once more.
   */
  readonly isNewName: boolean;
  /** Nobody ever logged in with the name, and it was refused from there moments ago. */
  readonly isTriedAgain: boolean;
  readonly isHoneypot: boolean;
  /** Enough was seen to say of somebody that nothing vouches for him. */
  readonly isLearnt: boolean;
}

/** How much the evidence of a jail holds. */
export interface EvidenceHoldings {
  /** Addresses with points. */
  readonly addresses: number;
  /** Users with a login, and with credit: each in each network that it logs in from. */
  readonly users: number;
  readonly credits: number;
  /** Users under attack within a day; takeovers within the time of credit, one of each user. */
  readonly underAttack: number;
  readonly takeovers: number;
  /** Of all tables. */
  readonly bytes: number;
}
