package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

const (
	rotationSample = "config/samples/rotation_v1alpha1_pullsecretrotation.yaml"
	rotationName   = "quarterly"
	// hour is how long an hour of OCM's time takes here: slow enough to be read.
	hour = 300 * time.Millisecond
)

// rotatePullSecret is the first part: one rotation of an account with three clusters, from the request to the end of the
// old credentials.
func (w *world) rotatePullSecret(ctx context.Context) error {
	w.tell.chapter("1. The pull secret: one rotation of an account with three clusters")
	for _, part := range []func(context.Context) error{
		w.introducePullSecret, w.applyRotation, w.askForRotation, w.awaitIssue, w.awaitApplied, w.awaitRollOut, w.awaitRevocation,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) introducePullSecret(context.Context) error {
	own, foreign, err := accountsEntries(w.before)
	if err != nil {
		return err
	}
	w.tell.say("The Red Hat account %s has three clusters: this one, %s and %s. All use the account's credentials, so a rotation "+
		"concerns all of them. This cluster's pull secret has %d entries:", w.account.Username, w.siblings[0].name, w.siblings[1].name, len(own)+len(foreign))
	w.tell.more("%-28s %s", "of the account", and(own))
	w.tell.more("%-28s %s", "of another owner", and(foreign))
	return nil
}

// applyRotation applies the sample as it is shipped.
func (w *world) applyRotation(ctx context.Context) error {
	token := filepath.Join(w.dir, "token")
	if err := os.WriteFile(token, []byte(w.ocm.OfflineToken(w.account.ID)), 0o600); err != nil {
		return err
	}
	err := w.show(ctx, "create", "secret", "generic", "ocm-credentials", "-n", w.installation.Namespace, "--from-file=token="+token)
	if err = errors.Join(err, os.Remove(token)); err != nil {
		return err
	}
	if err := w.show(ctx, "apply", "-f", rotationSample); err != nil {
		return err
	}
	r, err := w.untilRotation(ctx, "the PullSecretRotation is reconciled and nothing is due", func(r *v1alpha1.PullSecretRotation) error {
		if reason(r) != v1alpha1.ReasonNotDue {
			return waiting("%s", phase(r))
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.ledger.tell(serviceOCM, serviceRegistries)
	w.tell.line(says, "%s", message(r))
	return nil
}

// askForRotation requires a pull secret that is newer than now.
func (w *world) askForRotation(ctx context.Context) error {
	w.tell.gap()
	w.tell.say("Now rotateAfter is set to the current time: the pull secret must be newer than that.")
	w.ledger.skip(serviceAPI)
	patch := fmt.Sprintf(`{"spec":{"rotateAfter":%q}}`, time.Now().UTC().Format(time.RFC3339))
	if err := w.show(ctx, "patch", "psr", rotationName, "--type=merge", "-p", patch); err != nil {
		return err
	}
	r, err := w.untilRotation(ctx, "the operator requests a rotation from OCM", func(r *v1alpha1.PullSecretRotation) error {
		if reason(r) != v1alpha1.ReasonAwaitingIssue {
			return waiting("%s", phase(r))
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.ledger.tell(serviceOCM)
	if n := w.ocm.Count(ocm.OpPostRotation); n != 1 {
		return fmt.Errorf("the operator requested %d rotations, not one", n)
	}
	w.tell.line(changed, "a baseline of the account's credentials is kept: fingerprints of %d entries in the status, the document in Secret %s",
		len(r.Status.Rotation.Baseline), r.Status.Rotation.BackupSecret)
	w.tell.line(says, "%s", message(r))
	return nil
}

// awaitIssue lets OCM's hours pass until its batch has issued new credentials.
func (w *world) awaitIssue(ctx context.Context) error {
	from := w.ocm.Now()
	err := w.until(ctx, "OCM has issued new credentials", func(ctx context.Context) error {
		if r, ok := w.rotation(); ok && r.Issued {
			return nil
		}
		if document, err := w.document(ctx); err != nil || !bytes.Equal(document, w.before) {
			return errors.Join(err, errors.New("the pull secret has changed although no new credentials exist"))
		}
		w.hourPasses(ctx)
		return waiting("OCM has not issued new credentials yet: %s of its time so far; it issues them four times a day", hours(w.ocm.Now().Sub(from)))
	})
	if err != nil {
		return err
	}
	r, _ := w.rotation()
	w.tell.line(happens, "after %s of OCM's time its batch has run: new credentials exist beside the old ones. OCM's status of the rotation stays "+
		"%q until every cluster has switched: waiting for %q before switching is a deadlock.", hours(w.ocm.Now().Sub(from)), r.Status, ocm.StatusCompleted)
	return nil
}

// awaitApplied waits until the new credentials are verified and written.
func (w *world) awaitApplied(ctx context.Context) error {
	r, err := w.untilRotation(ctx, "the new credentials are verified and written", func(r *v1alpha1.PullSecretRotation) error {
		if r.Status.Rotation == nil || r.Status.Rotation.AppliedAt == nil {
			return waiting("%s", phase(r))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if ocmSays := r.Status.Rotation.OCMStatus; ocmSays != ocm.StatusPending {
		return fmt.Errorf("it was applied when OCM said %q, not while it said %q", ocmSays, ocm.StatusPending)
	}
	w.ledger.tell(serviceOCM, serviceRegistries)
	w.tell.line(says, "of the new credentials, verified by the registries before anything is written:")
	for _, checked := range r.Status.Registries {
		w.tell.more("%-28s %s", checked.Registry, checked.Result)
	}
	after, err := w.document(ctx)
	if err != nil {
		return err
	}
	c, err := compare(w.before, after)
	if err != nil {
		return err
	}
	if c.Else || len(c.Changed) != len(ocm.Registries) {
		return fmt.Errorf("in the pull secret changed %q, and something else: %t", c.Changed, c.Else)
	}
	w.tell.line(changed, "Secret %s/%s, in one write:", harness.PullSecretNamespace, harness.PullSecretName)
	for _, name := range c.Changed {
		w.tell.more("%-28s %s", name, w.tell.paint(green, "replaced"))
	}
	for _, name := range c.Kept {
		w.tell.more("%-28s as before", name)
	}
	w.tell.line(proved, "except for the %d replaced values, the document is byte for byte the same as before: order, spaces, credHelpers and all.", len(c.Changed))
	return w.bothAlive(ctx, after)
}

// bothAlive shows the time in which old and new credentials work.
func (w *world) bothAlive(ctx context.Context, after []byte) error {
	for _, document := range [][]byte{w.before, after} {
		if result, err := w.probe(ctx, document, ocm.Quay); err != nil || result.Outcome.Refused() {
			return errors.Join(err, fmt.Errorf("quay.io says %s: %s", result.Outcome, result.Message))
		}
	}
	w.tell.line(proved, "quay.io accepts the old credential and the new one, so clients with the old one keep working.")
	return nil
}

func (w *world) awaitRollOut(ctx context.Context) error {
	r, err := w.untilRotation(ctx, "the machines have the new pull secret", func(r *v1alpha1.PullSecretRotation) error {
		if r.Status.Rotation.RolledOutAt == nil {
			return waiting("machines with the new pull secret: %s", w.machines(ctx))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if n := w.mco.Renders(); n != 1 {
		return fmt.Errorf("the machines were given %d new configurations, not one", n)
	}
	w.tell.line(happens, "the machine-config-operator has rolled it out to every machine of the pools %s, in one roll-out and %s.", and(pools(r)),
		r.Status.Rotation.RolledOutAt.Sub(r.Status.Rotation.AppliedAt.Time))
	return nil
}

// machines counts the machines of each pool that have the wanted configuration.
func (w *world) machines(ctx context.Context) string {
	list := &machineconfigurationv1.MachineConfigPoolList{}
	if err := w.cp.Client.List(ctx, list); err != nil {
		return "unknown"
	}
	words := make([]string, 0, len(list.Items))
	for _, p := range list.Items {
		words = append(words, fmt.Sprintf("%s %d of %d", p.Name, p.Status.UpdatedMachineCount, p.Status.MachineCount))
	}
	return strings.Join(words, ", ")
}

// untilRotation waits for a state of the PullSecretRotation.
func (w *world) untilRotation(ctx context.Context, what string, is func(*v1alpha1.PullSecretRotation) error) (*v1alpha1.PullSecretRotation, error) {
	r := &v1alpha1.PullSecretRotation{}
	err := w.until(ctx, what, func(ctx context.Context) error {
		if err := w.cp.Client.Get(ctx, client.ObjectKey{Name: rotationName}, r); err != nil {
			return err
		}
		return is(r)
	})
	return r, err
}

// reason of Ready.
func reason(r *v1alpha1.PullSecretRotation) string {
	if c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Reason
	}
	return ""
}

// message of Ready.
func message(r *v1alpha1.PullSecretRotation) string {
	if c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Message
	}
	return "the operator has not seen it yet"
}

// phase is for a line of progress.
func phase(r *v1alpha1.PullSecretRotation) string {
	if r.Status.Phase == "" {
		return "the operator has not seen it yet"
	}
	return fmt.Sprintf("the operator: %s", r.Status.Phase)
}

func pools(r *v1alpha1.PullSecretRotation) []string {
	names := make([]string, 0, len(r.Status.Rotation.Pools))
	for _, p := range r.Status.Rotation.Pools {
		names = append(names, p.Name)
	}
	return names
}

// hours of OCM's time.
func hours(d time.Duration) string { return fmt.Sprintf("%d h", int(d.Round(time.Hour).Hours())) }
