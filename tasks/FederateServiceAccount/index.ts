import { main } from '../_shared/agent/main.js';
import { federateServiceAccount } from './federate-service-account.js';

void main(federateServiceAccount);
