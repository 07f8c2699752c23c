package capcredentialset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/apierr"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
	"github.com/openshift/credential-rotation-operator/internal/payload"
)

// The next release of OpenShift, as spec.upgrade.prepare names it: will each of its requests have a role that CAP gives?

const (
	// upgradePause is the time between two looks at the ConfigMap, which is not watched: an upgrade is prepared hours before.
	upgradePause = 5 * time.Minute
	// maxTrials is the limit of the API. A release has about ten requests.
	maxTrials = 64
)

// upgrade is the next release as it was last looked at.
type upgrade struct {
	at time.Time
	// of is the generation of the spec that it was looked at for.
	of      int64
	release payload.Release
	// problem says why there is no release; empty if there is one.
	problem string
	rows    []plan.Upgraded
}

// lookAtUpgrade compares the next release with the cluster, and notes the roles that CAP is to be asked for.
func (r *reconciler) lookAtUpgrade(ctx context.Context, s *scope, now time.Time) {
	if s.set.Spec.Upgrade == nil || s.set.Spec.Upgrade.Prepare == nil {
		s.upgrade, s.memory.Trials = upgrade{}, map[string]plan.Trial{}
		return
	}
	if u := &s.upgrade; u.of != s.set.Generation || now.Sub(u.at).Abs() >= upgradePause {
		u.at, u.of = now, s.set.Generation
		u.release, u.problem = r.readRelease(ctx, s.set.Spec.Upgrade.Prepare.Name)
	}
	s.upgrade.rows = nil
	if s.upgrade.problem == "" {
		s.upgrade.rows = plan.Upgrade(s.sets, asked(s.requests), nextRelease(s.upgrade.release))
	}
	s.noteTrials()
}

// readRelease reads the ConfigMap. Its content is not repeated.
func (r *reconciler) readRelease(ctx context.Context, name string) (release payload.Release, problem string) {
	m := &corev1.ConfigMap{}
	err := r.reader.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: name}, m)
	switch {
	case apierrors.IsNotFound(err):
		return release, fmt.Sprintf("ConfigMap %s/%s does not exist", r.Namespace, name)
	case err != nil:
		return release, fmt.Sprintf("ConfigMap %s/%s cannot be read (%s)", r.Namespace, name, apierr.Words(err))
	}
	for _, key := range slices.Sorted(maps.Keys(m.Data)) {
		if err := release.Add([]byte(m.Data[key]), false); err != nil {
			return payload.Release{}, fmt.Sprintf("ConfigMap %s/%s, key %s: %v", r.Namespace, name, key, err)
		}
	}
	if len(release.Requests)+len(release.LeftOut) == 0 {
		return release, fmt.Sprintf("ConfigMap %s/%s holds no AWS CredentialsRequest", r.Namespace, name)
	}
	return release, ""
}

func nextRelease(r payload.Release) plan.Release {
	next := plan.Release{Requests: asked(r.Requests)}
	for _, l := range r.LeftOut {
		if l.Deleted {
			next.Deleted = append(next.Deleted, l.Namespace+"/"+l.Name)
		} else {
			next.LeftAlone = append(next.LeftAlone, l.Namespace+"/"+l.Name)
		}
	}
	return next
}

// noteTrials notes the roles of this set that only the next release needs. What CAP has said of one, perhaps to an earlier process, stays.
func (s *scope) noteTrials() {
	needed := map[string]bool{}
	for _, u := range s.upgrade.rows {
		if u.Set == s.set.Name && u.Role != "" && !s.hasRole(u.Role) && len(needed) < maxTrials {
			needed[u.Role] = true
		}
	}
	trials := s.memory.Trials
	maps.DeleteFunc(trials, func(role string, _ plan.Trial) bool { return !needed[role] })
	for role := range needed {
		if _, known := trials[role]; !known {
			trials[role] = s.trialOnRecord(role)
		}
	}
}

// hasRole is true if a Secret gets the role at present: then its own row says what CAP answers.
func (s *scope) hasRole(role string) bool {
	has := func(t plan.Target) bool { return t.SpecRole == role || t.SpecRole == "" && t.DefaultRole == role }
	return slices.ContainsFunc(s.discovery.Targets, func(t plan.Target) bool { return t.Holder == "" && has(t) })
}

// trialOnRecord is what the status says of a role, if CAP was asked with what it would be asked with now.
func (s *scope) trialOnRecord(role string) plan.Trial {
	u := s.set.Status.Upgrade
	if u == nil || u.Generation != s.set.Generation || u.Certificate != s.askedWith().Certificate {
		return plan.Trial{}
	}
	for _, t := range u.Roles {
		if t.Role == role {
			return plan.Trial{Reason: t.Result, At: t.At.Time}
		}
	}
	return plan.Trial{}
}

// noteTrial notes what CAP has said of a role on trial. The credential is forgotten: no Secret is to have it yet. A CAP that could not be
// asked has said nothing.
func (s *scope) noteTrial(l landing) {
	if _, onTrial := s.memory.Trials[l.role]; !onTrial {
		return
	}
	var bad *cap.Error
	var refused *refusal
	result := v1alpha1.ReasonFresh
	switch {
	case l.err == nil:
		delete(s.memory.Held, l.role)
		delete(s.held, l.role)
	case errors.As(l.err, &bad) && !bad.Class.Everywhere():
		result = string(bad.Class)
	case errors.As(l.err, &refused) && refused.reason == v1alpha1.ReasonCredentialRefused:
		result = refused.reason
	default:
		return
	}
	s.memory.Trials[l.role] = plan.Trial{Reason: result, At: l.asked}
}

// setUpgradeReady says whether anything is missing for the next release.
func (s *scope) setUpgradeReady() {
	const condition = v1alpha1.ConditionUpgradeReady
	if s.upgrade.of == 0 {
		s.set.Status.Upgrade = nil
		conditions.Remove(s.set, condition)
		return
	}
	s.recordTrials()
	if s.upgrade.problem != "" {
		conditions.Set(s.set, condition, metav1.ConditionUnknown, v1alpha1.ReasonUpgradeRequestsUnreadable,
			s.upgrade.problem+". Fill it with the CredentialsRequests of the next release; it is looked at every five minutes.")
		return
	}
	without, refused, untried, total := s.judgeUpgrade()
	switch {
	case len(without) > 0:
		conditions.Set(s.set, condition, metav1.ConditionFalse, v1alpha1.ReasonUpgradeRoleMissing,
			fmt.Sprintf("Without credentials after the upgrade: %s. %s", plan.Listed(without), s.firstProblem()))
	case len(refused) > 0:
		conditions.Set(s.set, condition, metav1.ConditionFalse, v1alpha1.ReasonUpgradeRoleRefused,
			fmt.Sprintf("CAP does not give the role of %s. Correct spec.credentialsRequests.roles, or have CAP's operators allow it.", plan.Listed(refused)))
	case len(untried) > 0:
		conditions.Set(s.set, condition, metav1.ConditionUnknown, v1alpha1.ReasonUpgradeRolesUntried,
			fmt.Sprintf("CAP has not answered yet for the role of %s.", plan.Listed(untried)))
	default:
		conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonUpgradePrepared,
			fmt.Sprintf("Each of the %d CredentialsRequests of the next release has a role that CAP gives.", total))
	}
}

// judgeUpgrade names the requests that lack something. What another set covers is for that set to try.
func (s *scope) judgeUpgrade() (without, refused, untried []string, total int) {
	for _, u := range s.upgrade.rows {
		if u.Answer == plan.AnswerGone {
			continue
		}
		total++
		trial, onTrial := s.memory.Trials[u.Role]
		_, name, _ := strings.Cut(u.Request, "/")
		switch {
		case u.Answer.NeedsPerson():
			without = append(without, name)
		case u.Set != s.set.Name || !onTrial || trial.Reason == v1alpha1.ReasonFresh:
		case trial.Reason == "":
			untried = append(untried, name)
		default:
			refused = append(refused, fmt.Sprintf("%s (%s)", name, trial.Reason))
		}
	}
	return without, refused, untried, total
}

func (s *scope) firstProblem() string {
	for _, u := range s.upgrade.rows {
		if u.Answer.NeedsPerson() {
			return u.Problem
		}
	}
	return ""
}

// recordTrials puts CAP's answers into the status, so that the next process does not ask again.
func (s *scope) recordTrials() {
	status := &v1alpha1.UpgradeStatus{Generation: s.set.Generation, Certificate: s.askedWith().Certificate}
	for _, role := range slices.Sorted(maps.Keys(s.memory.Trials)) {
		if t := s.memory.Trials[role]; t.Reason != "" {
			status.Roles = append(status.Roles, v1alpha1.RoleTrial{Role: role, Result: t.Reason, At: *metaTime(t.At)})
		}
	}
	s.set.Status.Upgrade = status
}
