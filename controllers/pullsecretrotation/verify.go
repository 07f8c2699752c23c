package pullsecretrotation

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
	"github.com/openshift/credential-rotation-operator/internal/registry"
)

// required are the registries that a cluster needs; source: openshift/osdctl, RequiredPullSecretAuths.
var required = []string{"quay.io", "registry.redhat.io", "registry.connect.redhat.com", telemetryRegistry}

// proofImage is the image that Red Hat's own instructions pull to test a new pull secret (knowledge base 6992996, step 7).
const proofImage = "registry.redhat.io/ubi8/ubi:latest"

// checkIssued checks the new credentials that a write of some target would deliver.
func (s *scope) checkIssued(ctx context.Context) (seen decide.Facts, err error) {
	seen.IssuedChecks, err = s.check(ctx, s.issued, decide.Unproven(s.input()))
	return seen, err
}

// checkInUse checks what the targets hold now: their entries of the account, and those that the spec names. A credential in several targets is
// checked once.
func (s *scope) checkInUse(ctx context.Context) (seen decide.Facts, err error) {
	checks := []decide.Check{}
	for i, t := range s.targets {
		f := s.facts.Targets[i]
		if t.doc == nil || f.Problem != "" || i > 0 && (f.Owner == "" || f.Owner != s.accountID()) {
			continue // other accounts' credentials do not concern this object
		}
		names := slices.DeleteFunc(s.proofs(i), func(name string) bool {
			entry, ok := t.doc.Entry(name)
			return !ok || asked(checks, name, s.fingerprint(entry))
		})
		more, err := s.check(ctx, t.doc, names)
		if err != nil {
			return seen, err
		}
		for j := range more {
			if i > 0 {
				more[j].Target = t.ref.String()
			}
		}
		checks = append(checks, more...)
	}
	seen.Checks = checks
	return seen, nil
}

// proofs are the registries to check for a target.
func (s *scope) proofs(i int) []string {
	names := slices.Clone(s.facts.Targets[i].Own)
	for _, v := range s.obj.Spec.Verification {
		if !slices.Contains(names, v.Registry) {
			names = append(names, v.Registry)
		}
	}
	return names
}

// asked is true if there already is an answer about a credential.
func asked(checks []decide.Check, registry, fingerprint string) bool {
	return slices.ContainsFunc(checks, func(c decide.Check) bool { return c.Registry == registry && c.Fingerprint == fingerprint })
}

// checkBackup asks the registries that refuse an applied entry about the entry that it replaced.
func (s *scope) checkBackup(ctx context.Context) (seen decide.Facts, err error) {
	seen.BackupChecks = []decide.Check{}
	for i, t := range s.targets {
		old := s.backup[t.ref]
		if old == nil {
			continue
		}
		checks, err := s.check(ctx, old, s.refusedIn(i, old, seen.BackupChecks))
		if err != nil {
			return seen, err
		}
		seen.BackupChecks = append(seen.BackupChecks, checks...)
	}
	return seen, nil
}

// refusedIn are the registries that refuse an entry of this rotation in a target, and have not been asked yet about the replaced one.
func (s *scope) refusedIn(i int, old *pullsecret.Document, known []decide.Check) []string {
	var names []string
	for _, c := range s.facts.Checks {
		entry, ok := old.Entry(c.Registry)
		of := c.Target == "" && i == 0 || c.Target == s.targets[i].ref.String()
		if of && ok && c.Result.Outcome.Refused() && decide.Holds(s.rotation().Issued, c.Fingerprint) && !asked(known, c.Registry, s.fingerprint(entry)) {
			names = append(names, c.Registry)
		}
	}
	return names
}

// check asks the registries one by one: they are few, and 50 clusters should not send bursts.
func (s *scope) check(ctx context.Context, doc *pullsecret.Document, names []string) ([]decide.Check, error) {
	checks := make([]decide.Check, 0, len(names))
	for _, name := range names {
		entry, ok := doc.Entry(name)
		if !ok {
			continue
		}
		c, err := s.checkEntry(ctx, name, entry)
		if err != nil {
			return nil, err
		}
		c.Since = s.record().RefusedSince(c, s.now())
		checks = append(checks, c)
	}
	return checks, nil
}

func (s *scope) checkEntry(ctx context.Context, name string, entry pullsecret.Entry) (c decide.Check, err error) {
	c = decide.Check{Registry: name, Fingerprint: s.fingerprint(entry)}
	var image string
	c.Policy, image, c.Named = s.verification(name)
	switch {
	case c.Policy == v1alpha1.VerificationSkip:
		c.Result.Message = "not asked, by spec.verification"
	case name == telemetryRegistry && s.facts.Cluster.ID == "":
		c.Policy, c.Result.Message = v1alpha1.VerificationSkip, "not asked: the cluster has no ClusterVersion"
	case name == telemetryRegistry:
		c.Result, c.Account, err = s.checkTelemetry(ctx, entry)
	default:
		prober, err := s.prober(ctx)
		if err != nil {
			return c, err
		}
		c.Result = answer(prober.Check(ctx, registry.Check{Registry: name, Image: image, Username: entry.Username, Password: entry.Password}))
	}
	return c, err
}

// verification is the policy for a registry, the image that proves the right to pull, and whether the spec names it.
func (s *scope) verification(name string) (policy v1alpha1.VerificationPolicy, image string, named bool) {
	policy = v1alpha1.VerificationBestEffort
	if slices.Contains(required, name) {
		policy = v1alpha1.VerificationRequired
	}
	for _, v := range s.obj.Spec.Verification {
		if v.Registry == name {
			policy = v1alpha1.VerificationRequired
			if v.Policy != "" {
				policy = v.Policy
			}
			image, named = v.Image, v.Image != ""
		}
	}
	if image == "" && name == "registry.redhat.io" {
		image = proofImage
	}
	if image == "" && s.facts.Cluster != nil && strings.HasPrefix(s.facts.Cluster.ReleaseImage, name+"/") {
		image = s.facts.Cluster.ReleaseImage // a private repository is the best proof
	}
	return policy, image, named
}

// markVerified records that the new credentials are accepted or excused.
func (s *scope) markVerified(context.Context, decide.Decision) error {
	r := s.rotation()
	s.record().MarkVerified(s.now())
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonCredentialsVerified, "Verify", "The registries accept the new credentials of "+
		"rotation %s: %s", r.ID, spoken(s.facts.IssuedChecks))
	return nil
}
