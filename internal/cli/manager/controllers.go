package manager

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation"
	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/secretwatch"
)

// controllerOptions are the intervals of both controllers. The defaults suit the real services; the demo uses shorter ones.
type controllerOptions struct {
	pullSecret pullsecretrotation.Options
	cap        capcredentialset.Options
}

func (o *controllerOptions) bind(flags *pflag.FlagSet) {
	p := &o.pullSecret
	p.SetDefaults()
	flags.DurationVar(&p.PollMin, "pull-secret-poll-min", p.PollMin, "shortest interval between polls of OCM while waiting for new credentials")
	flags.DurationVar(&p.PollMax, "pull-secret-poll-max", p.PollMax, "longest interval between polls of OCM while waiting for new credentials")
	flags.DurationVar(&p.RevokePollMin, "pull-secret-revoke-poll-min", p.RevokePollMin, "shortest interval between polls of OCM while waiting for the end of the old credentials")
	flags.DurationVar(&p.RevokePollMax, "pull-secret-revoke-poll-max", p.RevokePollMax, "longest interval between polls of OCM while waiting for the end of the old credentials")
	flags.DurationVar(&p.PoolPoll, "pull-secret-pool-poll", p.PoolPoll, "interval between polls of the MachineConfigPools during a roll-out")
	flags.Var(&p.OCMHosts, "allowed-ocm-hosts", "hosts to which a spec may send the OCM credential and the cluster's own token, separated by commas: host, host:port, host:* or *.domain "+
		"(environment: "+ocmHostsVariable+")")
	flags.DurationVar(&p.OCMTimeout, "ocm-timeout", p.OCMTimeout, "time limit of one request to OCM")
	flags.DurationVar(&p.RequestSpread, "pull-secret-request-spread", p.RequestSpread, "period over which the clusters of one account spread their requests")
	flags.DurationVar(&p.LookPace, "pull-secret-look-pace", p.LookPace, "interval between two clusters of one account that ask OCM")
	flags.DurationVar(&p.ProgressPause, "pull-secret-progress-pause", p.ProgressPause, "least time between two questions which of the account's clusters have not switched")
	flags.DurationVar(&p.VerifyRetry, "pull-secret-verify-retry", p.VerifyRetry, "interval between checks at a registry that has not accepted the new credentials")
	flags.DurationVar(&p.VerifyDeadline, "pull-secret-verify-deadline", p.VerifyDeadline, "how long new credentials may take to propagate before a refusal counts")
	flags.DurationVar(&p.ProofRetry, "pull-secret-proof-retry", p.ProofRetry, "first interval between checks of credentials that OCM reports as deleted")
	flags.DurationVar(&p.ProofPatience, "pull-secret-proof-deadline", p.ProofPatience, "how long a deletion may take to propagate before a registry that accepts a deleted credential is reported")
	flags.DurationVar(&p.ProofInterval, "pull-secret-proof-interval", p.ProofInterval, "interval between checks of deleted credentials after that deadline")
	flags.DurationVar(&p.ProbeDelay, "pull-secret-probe-delay", p.ProbeDelay, "how long a machine may use the old pull secret after it has the new file, before it is asked to pull")
	flags.DurationVar(&p.ProbeAttempt, "pull-secret-probe-attempt", p.ProbeAttempt, "time limit of one attempt of a machine to pull")
	flags.DurationVar(&p.IssueDeadline, "pull-secret-issue-deadline", p.IssueDeadline, "time after which new credentials are reported as overdue")
	flags.DurationVar(&p.RevokeDeadline, "pull-secret-revoke-deadline", p.RevokeDeadline, "time after which the end of the old credentials is reported as overdue")

	c := &o.cap
	c.SetDefaults()
	flags.Var(&c.CAPHosts, "allowed-cap-hosts", "hosts to which a spec may present the client certificate, in the form of --allowed-ocm-hosts; default: any (environment: "+capHostsVariable+")")
	flags.DurationVar(&c.MaxSleep, "cap-max-sleep", c.MaxSleep, "longest interval between two rounds")
	flags.DurationVar(&c.RoundBudget, "cap-round-budget", c.RoundBudget, "period of a round in which it starts new requests to CAP")
	flags.DurationVar(&c.RestartRetry, "cap-restart-retry", c.RestartRetry, "wait before retrying the failed restart of a workload")
}

// Environment variables replace flags in a Subscription of the Operator Lifecycle Manager, which can set only the environment.
const (
	ocmHostsVariable = "ALLOWED_OCM_HOSTS"
	capHostsVariable = "ALLOWED_CAP_HOSTS"
)

// readEnvironment sets the host flags that were not given from the environment.
func (o *controllerOptions) readEnvironment(flags *pflag.FlagSet) error {
	for name, variable := range map[string]string{"allowed-ocm-hosts": ocmHostsVariable, "allowed-cap-hosts": capHostsVariable} {
		value := os.Getenv(variable)
		if value == "" || flags.Changed(name) {
			continue
		}
		if err := flags.Set(name, value); err != nil {
			return fmt.Errorf("the environment variable %s: %w", variable, err)
		}
	}
	return nil
}

// setupControllers adds both controllers to the manager, and their shared watcher of Secrets.
func setupControllers(mgr ctrl.Manager, namespace string, o controllerOptions) error {
	secrets, err := secretwatch.New(mgr.GetConfig(), objectwatch.Options{})
	if err != nil {
		return fmt.Errorf("making the watcher of Secrets: %w", err)
	}
	if err := mgr.Add(secrets); err != nil {
		return fmt.Errorf("adding the watcher of Secrets: %w", err)
	}
	o.pullSecret.Namespace, o.pullSecret.Secrets = namespace, secrets
	if err := pullsecretrotation.Setup(mgr, o.pullSecret); err != nil {
		return fmt.Errorf("adding the controller of PullSecretRotation: %w", err)
	}
	o.cap.Namespace, o.cap.Secrets = namespace, secrets
	if err := capcredentialset.Setup(mgr, o.cap); err != nil {
		return fmt.Errorf("adding the controller of CAPCredentialSet: %w", err)
	}
	return nil
}
