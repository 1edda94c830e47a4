import { contract } from '../firewall/contract.js';
import { kernelTest, makeBench } from './kernel.js';

contract('the kernel, by a resident nft', async () => makeBench(), kernelTest);
contract('the kernel, by fresh ones only', async () => makeBench({ resident: false }), kernelTest);
