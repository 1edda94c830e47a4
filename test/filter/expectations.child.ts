/**
 * Compares the dates of fail2ban's tests in a process of its own: Jest's processes do not change
 * their time zone.
 */
import { compareDates, recordedDates } from '../support/fail2ban-dates.js';

const records = recordedDates(process.argv[2] ?? '');
console.log(JSON.stringify({ asked: records.length, differences: compareDates(records) }));
