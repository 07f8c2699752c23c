package pullsecretrotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
	"github.com/openshift/credential-rotation-operator/internal/registry"
)

// required are the registries that a cluster cannot do without; source: openshift/osdctl, RequiredPullSecretAuths.
var required = []string{"quay.io", "registry.redhat.io", "registry.connect.redhat.com", telemetryRegistry}

// proofImage is what Red Hat's own instructions pull to prove a new pull secret (knowledge base 6992996, step 7).
const proofImage = "registry.redhat.io/ubi8/ubi:latest"

// checkIssued asks the registries about the new credentials, those that would be written.
func (s *scope) checkIssued(ctx context.Context) error {
	return s.check(ctx, s.issued, s.written())
}

// written are the issued registries that some target has, or gets.
func (s *scope) written() []string {
	var list []string
	for _, name := range s.issued.Registries() {
		wanted := slices.Contains(s.obj.Spec.Entries.AddMissing, name)
		for _, t := range s.facts.Targets {
			wanted = wanted || slices.Contains(t.Own, name) || s.replacesForeign(t.Ref, name)
		}
		if wanted {
			list = append(list, name)
		}
	}
	return list
}

func (s *scope) replacesForeign(ref v1alpha1.SecretReference, name string) bool {
	if s.obj.Spec.Entries.Foreign != v1alpha1.ForeignReplace {
		return false
	}
	for _, t := range s.targets {
		if t.ref == ref && t.doc != nil {
			_, ok := t.doc.Entry(name)
			return ok
		}
	}
	return false
}

// checkInUse asks the registries about what the first target holds now: its entries of the account, and those that the
// spec names.
func (s *scope) checkInUse(ctx context.Context) error {
	first := s.targets[0]
	names := slices.Clone(s.facts.Targets[0].Own)
	for _, v := range s.obj.Spec.Verification {
		if _, ok := first.doc.Entry(v.Registry); ok && !slices.Contains(names, v.Registry) {
			names = append(names, v.Registry)
		}
	}
	return s.check(ctx, first.doc, names)
}

// check asks one registry after the other: they are few, and a burst from 50 clusters is no help to anybody.
func (s *scope) check(ctx context.Context, doc *pullsecret.Document, names []string) error {
	checks := make([]decide.Check, 0, len(names))
	for _, name := range names {
		entry, ok := doc.Entry(name)
		if !ok {
			continue
		}
		c := decide.Check{Registry: name}
		var image string
		c.Policy, image, c.Named = s.verification(name)
		switch {
		case c.Policy == v1alpha1.VerificationSkip:
			c.Result.Message = "not asked, by spec.verification"
		case name == telemetryRegistry && s.facts.Cluster.ID == "":
			c.Policy, c.Result.Message = v1alpha1.VerificationSkip, "not asked: the cluster has no ClusterVersion"
		case name == telemetryRegistry:
			result, err := s.checkTelemetry(ctx, entry)
			if err != nil {
				return err
			}
			c.Result = result
		default:
			prober, err := s.prober(ctx)
			if err != nil {
				return err
			}
			c.Result = answer(prober.Check(ctx, registry.Check{Registry: name, Image: image, Username: entry.Username, Password: entry.Password}))
		}
		checks = append(checks, c)
	}
	s.facts.Checks = checks
	s.noteRegistries(checks)
	return nil
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
		image = s.facts.Cluster.ReleaseImage // a private repository: the best proof there is
	}
	return policy, image, named
}

// checkTelemetry proves the cloud.openshift.com entry, which belongs to no registry: OCM itself accepts it as the cluster's
// token. Source: the published OpenAPI document, security of current_account.
func (s *scope) checkTelemetry(ctx context.Context, entry pullsecret.Entry) (decide.Answer, error) {
	api, err := s.connect(ctx, ocm.Credential{}, ocm.ClusterToken{ClusterID: s.facts.Cluster.ID, Auth: entry.Auth()})
	if err != nil {
		return decide.Answer{}, err
	}
	defer func() { _ = api.Close() }()
	account, err := api.CurrentAccount(ctx)
	switch {
	case err == nil && s.accountID() != "" && account.ID != s.accountID():
		return decide.Answer{Outcome: decide.Denied, Message: "the token belongs to account " + account.ID}, nil
	case err == nil:
		return decide.Answer{Outcome: decide.Accepted, Message: "the token is accepted"}, nil
	case ocm.IsKind(err, ocm.OCMUnauthorized):
		return decide.Answer{Outcome: decide.Unauthorized, Message: "OCM refuses the token"}, nil
	case ocm.IsKind(err, ocm.OCMForbidden):
		return decide.Answer{Outcome: decide.Denied, Message: "OCM does not allow the token"}, nil
	case ocm.IsKind(err, ocm.OCMRateLimited):
		r := decide.Answer{Outcome: decide.RateLimited, Message: "OCM asks for patience"}
		if e := (*ocm.Error)(nil); errors.As(err, &e) {
			r.RetryAfter = e.RetryAfter
		}
		return r, nil
	default:
		return decide.Answer{Outcome: decide.Unreachable, Message: err.Error()}, nil
	}
}

// markVerified notes that nothing speaks against the new credentials.
func (s *scope) markVerified() error {
	r := s.rotation()
	s.record().MarkVerified(s.now())
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonCredentialsVerified, "Verify", "The registries accept the new credentials of rotation %s: %s", r.ID, spoken(s.facts.Checks))
	return nil
}

// answer translates what the registry client says.
func answer(r registry.Result) decide.Answer {
	return decide.Answer{Outcome: decide.Outcome(r.Outcome), Message: r.Message, RetryAfter: r.RetryAfter}
}

func spoken(checks []decide.Check) string {
	list := make([]string, 0, len(checks))
	for _, c := range checks {
		list = append(list, fmt.Sprintf("%s %s", c.Registry, outcome(c)))
	}
	return strings.Join(list, ", ")
}

func outcome(c decide.Check) string {
	if c.Policy == v1alpha1.VerificationSkip {
		return "Skipped"
	}
	return string(c.Result.Outcome)
}

// noteRegistries keeps the last answer of each. The time is that of the last change, so that equal answers write nothing.
func (s *scope) noteRegistries(checks []decide.Check) {
	before := s.obj.Status.Registries
	s.obj.Status.Registries = nil
	for i, c := range checks {
		n := v1alpha1.RegistryStatus{Registry: c.Registry, Result: outcome(c), Message: c.Result.Message, CheckedAt: s.timestamp()}
		for _, b := range before {
			if b.Registry == n.Registry && b.Result == n.Result && b.Message == n.Message {
				n.CheckedAt = b.CheckedAt
			}
		}
		checks[i].Since = n.CheckedAt.Time
		s.obj.Status.Registries = append(s.obj.Status.Registries, n)
	}
}

// recordHealth concludes a health check of the pull secret in use.
func (s *scope) recordHealth() error {
	s.obj.Status.LastHealthCheck = s.timestamp()
	if c := s.obj.Status.OCMCredential; c != nil && s.clients.api != nil {
		c.LastUsedAt = s.timestamp()
	}
	refused, unknown := decide.Judge(s.facts.Checks)
	switch {
	case len(refused) > 0:
		conditions.Set(s.obj, v1alpha1.ConditionPullSecretValid, metav1.ConditionFalse, v1alpha1.ReasonRegistriesRefuse,
			fmt.Sprintf("The pull secret in use is refused: %s. New images cannot be pulled from there. Request a rotation, or see whether somebody replaced the entry.", strings.Join(refused, "; ")))
	case len(unknown) > 0:
		conditions.Set(s.obj, v1alpha1.ConditionPullSecretValid, metav1.ConditionUnknown, v1alpha1.ReasonRegistriesUnknown,
			fmt.Sprintf("The pull secret in use could not be proven: %s.", strings.Join(unknown, "; ")))
	case !slices.ContainsFunc(s.facts.Checks, func(c decide.Check) bool { return c.Policy != v1alpha1.VerificationSkip }):
		conditions.Set(s.obj, v1alpha1.ConditionPullSecretValid, metav1.ConditionUnknown, v1alpha1.ReasonRegistriesUnknown,
			"No registry was asked: the first target has no entry of the account, or spec.verification skips them. Name the registries to ask in spec.verification.")
	default:
		conditions.Set(s.obj, v1alpha1.ConditionPullSecretValid, metav1.ConditionTrue, v1alpha1.ReasonRegistriesAccept,
			"The registries accept the pull secret in use.")
	}
	s.facts.Checks = nil // they say nothing about credentials that may be issued next
	return nil
}
