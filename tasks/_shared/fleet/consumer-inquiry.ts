import { Problem } from '../reconcile/problem.js';
import { unknown, type Known, type Ref, type Refs } from '../reconcile/ref.js';
import { keep, type Change, type Permission, type Resource } from '../reconcile/resource.js';
import { reportText, type ConsumerReport } from './consumer-report.js';

/** What looking for the users of a registry's account needs. */
export interface InquiryInputs {
  readonly loginServer: string;
}

/** Who uses an account of a registry at one place: only read, and unknown where that cannot be told. */
export abstract class ConsumerInquiry implements Resource<InquiryInputs, ConsumerReport> {
  readonly kind = 'admin user’s consumers';
  readonly inputs: Refs<InquiryInputs>;

  /**
   * @param place a cluster's name, or `elsewhere`
   * @param loginServer of the registry
   */
  constructor(
    readonly key: string,
    readonly name: string,
    private readonly place: string,
    loginServer: Ref<string>,
  ) {
    this.inputs = { loginServer };
  }

  async observe(_reader: unknown, { loginServer }: Known<InquiryInputs>): Promise<ConsumerReport> {
    const { place } = this;
    if (loginServer === unknown) return { place, consumers: [], unknown: 'the registry cannot be read' };
    try {
      return { place, consumers: [], ...(await this.look(loginServer)) };
    } catch (error) {
      if (!(error instanceof Problem) || error.code.startsWith('WI900')) throw error;
      return { place, consumers: [], unknown: error.parts.because };
    }
  }

  plan(observed: ConsumerReport | undefined): Change {
    return keep(observed === undefined ? 'not looked at' : reportText(observed));
  }

  permissions(): Permission[] {
    return [];
  }

  abstract reads(): readonly Permission[];

  /** Never called by the engine: there is nothing to apply. */
  apply(): Promise<void> {
    return Promise.reject(new Error(`${this.key} is only read`));
  }

  /** Those who use it there, or why that is unknown. What a thrown problem says is a reason as well. */
  protected abstract look(loginServer: string): Promise<Pick<ConsumerReport, 'consumers'> | Required<Pick<ConsumerReport, 'unknown'>>>;
}
