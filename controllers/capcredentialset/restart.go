package capcredentialset

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/apierr"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// restart restarts the workloads that cannot reload, once all Secrets of the round are written, and once per refresh: the annotation on the pod
// template is the time of the newest credential in the namespace, so a second try changes nothing, and the next process makes up for one that was
// killed between the write and the restart.
func (r *reconciler) restart(ctx context.Context, s *scope) {
	if s.hold != nil {
		return
	}
	for _, t := range s.set.Spec.RestartTargets {
		now := r.now()
		newest := newestIn(s.plan.Rows, t.Namespace, now)
		st := s.memory.Restarts[t]
		if newest.IsZero() || st.Done.Equal(newest) || st.Retry.After(now) && st.Failure.Last.Before(now) {
			continue
		}
		restarted, err := r.restartOne(ctx, t, newest, !s.memory.Written[t.Namespace].IsZero())
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			st.Failure = st.Failure.Again(v1alpha1.ReasonRestartFailed, restartMessage(t, err, r.Namespace), now, time.Time{}, plan.WriteRhythm)
			st.Retry = now.Add(r.RestartRetry)
		} else {
			st = plan.RestartState{Done: newest}
		}
		s.memory.Restarts[t] = st
		if restarted {
			s.effects.restarted = append(s.effects.restarted, t)
		}
	}
}

// newestIn is when the newest credential of a namespace was fetched, according to the Secrets. Times in the future, left by a wrong clock, would
// hide later refreshes and are ignored.
func newestIn(rows []plan.Row, namespace string, now time.Time) time.Time {
	var newest time.Time
	for i := range rows {
		if r := &rows[i]; r.Ref.Namespace == namespace && r.Found && r.Bookkeeping.RefreshedAt.After(newest) && !fromTheFuture(r.Bookkeeping.RefreshedAt, now) {
			newest = r.Bookkeeping.RefreshedAt
		}
	}
	return newest
}

// fromTheFuture is true for a time that was recorded by a clock that was ahead, and means nothing.
func fromTheFuture(noted, now time.Time) bool { return noted.After(now.Add(schedule.ClockTolerance)) }

// restartOne restarts a workload unless it was already restarted for this refresh. wrote is true if this process has changed a Secret of its
// namespace; otherwise only a workload with an older annotation is restarted, because the start of the operator alone is not a reason to restart
// one without an annotation.
func (r *reconciler) restartOne(ctx context.Context, t v1alpha1.RestartTarget, newest time.Time, wrote bool) (restarted bool, err error) {
	for range maxConflicts {
		workload, template := newWorkload(t.Kind)
		if err := r.reader.Get(ctx, types.NamespacedName{Namespace: t.Namespace, Name: t.Name}, workload); err != nil {
			return false, err
		}
		noted := plan.ParseTime(template()[v1alpha1.RestartedAtAnnotation])
		if !noted.Before(newest) && !fromTheFuture(noted, r.now()) || noted.IsZero() && !wrote {
			return false, nil
		}
		if restarted, err = r.noteRestart(ctx, workload, newest); !apierrors.IsConflict(err) {
			return restarted, err
		}
	}
	return false, err
}

// noteRestart restarts a workload, unless it has changed since it was read: another process may have restarted it for this refresh, or for a newer one.
func (r *reconciler) noteRestart(ctx context.Context, workload client.Object, newest time.Time) (bool, error) {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]string{"resourceVersion": workload.GetResourceVersion()},
		"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
			"annotations": map[string]string{v1alpha1.RestartedAtAnnotation: newest.UTC().Format(time.RFC3339Nano)},
		}}},
	})
	if err != nil {
		return false, err
	}
	err = r.client.Patch(ctx, workload, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(managedfields.Operator))
	return err == nil, err
}

// newWorkload returns an empty workload of a kind, and a function for the annotations of its pod template.
func newWorkload(kind v1alpha1.RestartKind) (client.Object, func() map[string]string) {
	switch kind {
	case v1alpha1.RestartDaemonSet:
		d := &appsv1.DaemonSet{}
		return d, func() map[string]string { return d.Spec.Template.Annotations }
	case v1alpha1.RestartStatefulSet:
		d := &appsv1.StatefulSet{}
		return d, func() map[string]string { return d.Spec.Template.Annotations }
	default:
		d := &appsv1.Deployment{}
		return d, func() map[string]string { return d.Spec.Template.Annotations }
	}
}

func restartMessage(t v1alpha1.RestartTarget, err error, namespace string) string {
	what := fmt.Sprintf("%s %s/%s could not be restarted and may still use old credentials", t.Kind, t.Namespace, t.Name)
	switch {
	case apierrors.IsNotFound(err):
		return what + ": it does not exist. Create it, or remove it from spec.restartTargets."
	case apierrors.IsForbidden(err):
		return what + ": the operator lacks the right. Grant it with: " + grantRestart(t, namespace)
	}
	return fmt.Sprintf("%s (%s). The operator will retry.", what, apierr.Cause(err))
}
