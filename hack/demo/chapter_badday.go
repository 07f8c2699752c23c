package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

// badDay makes CAP answer one role as if it no longer knew the client certificate: 200 and an HTML page.
func (w *world) badDay(ctx context.Context) error {
	w.tell.gap()
	w.tell.say("A bad day: for the role %s, CAP answers with status 200 and an HTML page, as it does to refuse a client certificate. At that "+
		"moment somebody requests a refresh of everything.", platformRole)
	before, err := w.contents(ctx)
	if err != nil {
		return err
	}
	if err := w.cap.Break(cap.Fault{Kind: cap.FaultHTML, Role: platformRole}); err != nil {
		return err
	}
	// The next full second: credentials fetched within this one would not be older.
	requested := time.Now().Truncate(time.Second).Add(time.Second)
	annotation := v1alpha1.RefreshRequestedAnnotation + "=" + requested.UTC().Format(time.RFC3339)
	if err := w.show(ctx, "annotate", "--overwrite", "capset", setName, annotation); err != nil {
		return err
	}
	failing, err := w.untilRefused(ctx, requested)
	if err != nil {
		return err
	}
	w.ledger.tell(serviceCAP, serviceSTS)
	if err := w.show(ctx, "get", "capset"); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(failing)) {
		w.tell.line(says, "%s: %s. %s", name, failing[name].Result, failing[name].Message)
		break // all six have the same reason
	}
	after, err := w.contents(ctx)
	if err != nil {
		return err
	}
	return w.nothingLost(before, after, failing)
}

// untilRefused waits until one role's Secrets show the refusal and the other's was refreshed; it returns the former.
func (w *world) untilRefused(ctx context.Context, requested time.Time) (map[string]v1alpha1.CredentialTargetStatus, error) {
	failing := map[string]v1alpha1.CredentialTargetStatus{}
	_, err := w.untilSet(ctx, "the refusal shows in the rows of one role, and the other role is refreshed", func(set *v1alpha1.CAPCredentialSet) error {
		clear(failing)
		fresh := 0
		for _, t := range set.Status.Targets {
			switch {
			case t.Role == platformRole && t.Result == v1alpha1.ReasonAuthenticationRefused:
				failing[t.Namespace+"/"+t.Name] = t
			case t.Role == machineRole && t.Result == v1alpha1.ReasonFresh && t.RefreshedAt != nil && !t.RefreshedAt.Time.Before(requested):
				fresh++
			}
		}
		if len(failing) != secretsOfPayload-1 || fresh != 1 || w.cap.Counts().ByOutcome["fault:"+cap.Outcome(cap.FaultHTML)] == 0 {
			return waiting("%s", setMessage(set))
		}
		return nil
	})
	return failing, err
}

// nothingLost compares the Secrets with their state before the bad answer.
func (w *world) nothingLost(before, after map[string]*corev1.Secret, failing map[string]v1alpha1.CredentialTargetStatus) error {
	var expires time.Time
	for name, secret := range after {
		same := maps.EqualFunc(before[name].Data, secret.Data, slices.Equal)
		if _, fails := failing[name]; fails != same {
			return fmt.Errorf("after the bad answer %s is the same as before: %t, and its role fails: %t", name, same, fails)
		}
		if _, fails := failing[name]; fails {
			_, _, _, expires, _ = w.cap.Lookup(string(secret.Data["aws_access_key_id"]))
		}
	}
	left := ""
	if rest := time.Until(expires); rest > 0 {
		left = fmt.Sprintf(", valid for another %d s", int(rest.Seconds()))
	}
	w.tell.line(proved, "the %d Secrets of %s hold byte for byte what they held before%s. The Secret of %s has a new credential: one role's bad "+
		"day is not the others'.",
		len(failing), platformRole, left, machineRole)
	return nil
}

// recovery makes CAP answer well again.
func (w *world) recovery(ctx context.Context) error {
	w.tell.line(happens, "CAP answers well again.")
	w.cap.Heal()
	if _, err := w.untilSet(ctx, "all Secrets are fresh again", allFresh); err != nil {
		return err
	}
	w.ledger.tell(serviceCAP, serviceSTS)
	w.tell.line(changed, "the six Secrets have new credentials; nobody had to do anything.")
	return w.show(ctx, "get", "capset")
}

// contents are the Secrets of the payload's CredentialsRequests.
func (w *world) contents(ctx context.Context) (map[string]*corev1.Secret, error) {
	all := map[string]*corev1.Secret{}
	var errs []error
	for _, r := range harness.PayloadRequests() {
		s := &corev1.Secret{}
		errs = append(errs, w.cp.Client.Get(ctx, client.ObjectKey{Namespace: r.SecretNamespace, Name: r.SecretName}, s))
		all[r.SecretNamespace+"/"+r.SecretName] = s
	}
	return all, errors.Join(errs...)
}
