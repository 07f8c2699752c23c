package pullsecretrotation

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/command"
)

// lookAtRights checks the rights to write the targets before a rotation is requested. A target without the right is left out; if it is the first,
// no rotation begins.
func (s *scope) lookAtRights(ctx context.Context) (seen decide.Facts, err error) {
	seen.RightsKnown = true
	if s.r.MayPatch == nil {
		return seen, nil
	}
	for i := range s.targets {
		t := &s.targets[i]
		if t.doc == nil {
			continue
		}
		may, err := s.r.MayPatch(ctx, t.ref)
		if err != nil {
			return seen, fmt.Errorf("checking the right to write the target %s: %w", t.ref, err)
		}
		if !may {
			t.doc, t.problem = nil, problem{v1alpha1.ReasonForbidden, s.forbidden(t.ref)}
		}
	}
	return seen, nil
}

// mayPatch asks the API server about the operator's own rights, which every service account may do.
func mayPatch(c client.Client) func(context.Context, v1alpha1.SecretReference) (bool, error) {
	return func(ctx context.Context, ref v1alpha1.SecretReference) (bool, error) {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "patch", Resource: "secrets", Namespace: ref.Namespace, Name: ref.Name},
		}}
		err := c.Create(ctx, review)
		return review.Status.Allowed, err
	}
}

// forbiddenError marks a target that may not be used.
type forbiddenError struct{ message string }

func (e *forbiddenError) Error() string { return e.message }

// forbidden gives the commands that grant the rights to a target. They are complete and can be copied.
func (s *scope) forbidden(ref v1alpha1.SecretReference) string {
	grant := command.Grant{
		Namespace: ref.Namespace, Name: ref.Name, Resource: "secrets", Verbs: []string{"get", "list", "watch", "patch"}, OperatorNamespace: s.r.Options.Namespace,
	}
	return fmt.Sprintf("The operator may not use the target Secret %s. It was not changed. Grant it with: %s", ref, grant)
}
