package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

const (
	setSample = "config/samples/rotation_v1alpha1_capcredentialset.yaml"
	setName   = "cap"
	// The roles of the sample that the demo uses.
	machineRole  = "OpenShiftMachineAPI"
	platformRole = "OpenShiftOperators"
	// setPatch is what the demo changes in the sample: two roles instead of three, and each credential is checked with STS.
	setPatch = `{"spec":{"verification":{"sts":"Required"},"credentialsRequests":{"roles":[{"name":"openshift-machine-api-aws","role":"OpenShiftMachineAPI"}]}}}`
	// secrets of the seven CredentialsRequests, and the roles that they share.
	secretsOfPayload, rolesOfPayload = 7, 2
)

// keepAWSFresh is the second chapter: the AWS credentials of a cluster in a C2S region, through two refreshes and a bad day.
func (w *world) keepAWSFresh(ctx context.Context) error {
	w.tell.chapter("2. The AWS credentials: seven Secrets, two roles, two refreshes and a bad day")
	for _, part := range []func(context.Context) error{w.introduceCAP, w.applySet, w.firstRefresh, w.nothingAndThenARefresh, w.badDay, w.recovery} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) introduceCAP(ctx context.Context) error {
	w.tell.say("A cluster in a C2S region gets its AWS credentials from CAP, for an hour at a time (here %d s). Seven of its components need some. "+
		"When they expire, no machine, volume or load balancer can be created.", int(capLifetime.Seconds()))
	return w.show(ctx, "get", "credentialsrequests", "-A", "-o",
		"custom-columns=CREDENTIALSREQUEST:.metadata.name,NAMESPACE:.spec.secretRef.namespace,SECRET:.spec.secretRef.name")
}

// applySet applies the client certificate, and the sample with a visible change.
func (w *world) applySet(ctx context.Context) (err error) {
	dir := filepath.Join(w.dir, "client")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	certificate, key, err := w.cap.ClientCertificate("this-cluster")
	if err != nil {
		return err
	}
	// A line from its middle: the first and the last are the same in many keys.
	w.own["the key of the client certificate"] = strings.Split(string(key), "\n")[1]
	args := []string{"create", "secret", "generic", "cap-client-certificate", "-n", w.installation.Namespace, "--from-file=" + dir}
	for _, file := range []struct {
		name    string
		content []byte
	}{{"tls.crt", certificate}, {"tls.key", key}, {"ca.crt", w.cap.CAPEM()}} {
		if err := os.WriteFile(filepath.Join(dir, file.name), file.content, 0o600); err != nil {
			return err
		}
	}
	if err := w.show(ctx, args...); err != nil {
		return err
	}
	w.tell.gap()
	w.tell.say("The sample, with two changes for the demo: two roles instead of three, and each credential is checked with STS before it is written.")
	w.secretsBefore = w.secretWrites()
	return w.applyPatched(ctx, setSample, setPatch)
}

func (w *world) firstRefresh(ctx context.Context) error {
	set, err := w.untilSet(ctx, "all seven Secrets have credentials", allFresh)
	if err != nil {
		return err
	}
	w.ledger.tell(serviceCAP, serviceSTS)
	if calls, writes := w.cap.Counts().Requests, w.secretWrites()-w.secretsBefore; calls != rolesOfPayload || writes != secretsOfPayload {
		return fmt.Errorf("%d requests to CAP and %d writes of Secrets, not %d and %d", calls, writes, rolesOfPayload, secretsOfPayload)
	}
	w.tell.line(changed, "one request for each role, one write for each Secret:")
	for _, t := range set.Status.Targets {
		w.tell.more("%-20s %s/%s", t.Role, t.Namespace, t.Name)
	}
	w.tell.line(says, "%s", setMessage(set))
	return nil
}

// nothingAndThenARefresh shows that nothing happens until a refresh is due, and then the refresh.
func (w *world) nothingAndThenARefresh(ctx context.Context) error {
	before, written := w.cap.Counts(), w.secretWrites()
	began := time.Now()
	set, err := w.untilSet(ctx, "a refresh is due and the operator requests it from CAP", func(set *v1alpha1.CAPCredentialSet) error {
		if w.cap.Counts().Requests > before.Requests {
			return nil
		}
		// CAP's counts are read again, because each write of a Secret follows a request to CAP.
		if n := w.secretWrites() - written; n > 0 && w.cap.Counts().Requests == before.Requests {
			return fmt.Errorf("%d Secrets were written although nothing was due", n)
		}
		if set.Status.NextRefresh == nil {
			return waiting("nothing is due")
		}
		return waiting("nothing is due: no request, no write; the next refresh is in %d s", max(0, int(time.Until(set.Status.NextRefresh.Time).Seconds())))
	})
	if err != nil {
		return err
	}
	w.tell.line(proved, "for %d s nothing was due, and the operator neither sent a request to CAP nor wrote anything.", int(time.Since(began).Seconds()))
	until := func(ctx context.Context) error {
		n := w.cap.Counts().ByRole
		for _, role := range []string{machineRole, platformRole} {
			if n[role] == before.ByRole[role] {
				return waiting("half of their lifetime is over: %s is refreshed a little later because of its own jitter", role)
			}
		}
		if n := w.secretWrites() - written; n < secretsOfPayload {
			return waiting("%d of %d Secrets are written", n, secretsOfPayload)
		}
		return nil
	}
	if err := w.until(ctx, "both roles are refreshed", until); err != nil {
		return err
	}
	w.ledger.tell(serviceCAP, serviceSTS)
	w.tell.line(changed, "%d Secrets, each by one write with all its keys, well before %s, when the first of the old credentials would have expired.",
		w.secretWrites()-written, set.Status.EarliestExpiry.UTC().Format(time.TimeOnly))
	return nil
}

// untilSet waits for the CAPCredentialSet to be as wanted.
func (w *world) untilSet(ctx context.Context, what string, is func(*v1alpha1.CAPCredentialSet) error) (*v1alpha1.CAPCredentialSet, error) {
	set := &v1alpha1.CAPCredentialSet{}
	err := w.until(ctx, what, func(ctx context.Context) error {
		if err := w.cp.Client.Get(ctx, client.ObjectKey{Name: setName}, set); err != nil {
			return err
		}
		return is(set)
	})
	return set, err
}

// allFresh is the state of a set that is waited for.
func allFresh(set *v1alpha1.CAPCredentialSet) error {
	if all := fmt.Sprintf("%d/%d", secretsOfPayload, secretsOfPayload); set.Status.Credentials != all {
		return waiting("%s", setMessage(set))
	}
	return nil
}

// setMessage is the message of Ready.
func setMessage(set *v1alpha1.CAPCredentialSet) string {
	if c := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Message
	}
	return "the operator has not reconciled it yet"
}

// secretWrites counts the writes of Secrets outside the operator's own namespace, from the beginning.
func (w *world) secretWrites() int {
	return len(w.api.Requests(func(r harness.Recorded) bool {
		return r.IsWrite() && r.Resource == "secrets" && r.Namespace != w.installation.Namespace
	}))
}
