package harness

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// quotingPolicy is the name of the policy and of its binding.
const quotingPolicy = "refuses-and-quotes"

// QuoteRefusals makes the API server refuse every write of the Secrets of a name, with a message that quotes the beginning of each value, as an
// administrator's ValidatingAdmissionPolicy could. It returns once the API server enforces it. lift removes it, and returns once a write
// passes.
func QuoteRefusals(ctx context.Context, c client.Client, secret string) (lift func(context.Context) error, err error) {
	objects := quotingObjects(secret)
	for _, o := range objects {
		if err := Apply(ctx, c, o); err != nil {
			return nil, err
		}
	}
	err = WaitFor(ctx, func(ctx context.Context) error {
		if quoted, err := refusalQuotes(ctx, c, secret); !quoted {
			return fmt.Errorf("the refusal of a write does not quote the Secret: %w", err)
		}
		return nil
	})
	return func(ctx context.Context) error {
		for _, o := range objects {
			if err := c.Delete(ctx, o); err != nil {
				return err
			}
		}
		return WaitFor(ctx, func(ctx context.Context) error {
			_, err := refusalQuotes(ctx, c, secret)
			return err
		})
	}, err
}

// refusalQuotes tries a write as a dry run.
func refusalQuotes(ctx context.Context, c client.Client, secret string) (bool, error) {
	const content = "what is in it"
	err := c.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: secret}, Data: map[string][]byte{"key": []byte(content)}}, client.DryRunAll)
	if err == nil {
		return false, nil
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(content))
	return strings.Contains(err.Error(), content) || strings.Contains(err.Error(), encoded), errors.New(err.Error())
}

func quotingObjects(secret string) []*unstructured.Unstructured {
	const api = "admissionregistration.k8s.io/v1"
	return []*unstructured.Unstructured{
		{Object: map[string]any{"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": map[string]any{"name": quotingPolicy}, "spec": map[string]any{
			"failurePolicy": "Fail",
			"matchConstraints": map[string]any{"resourceRules": []any{map[string]any{
				"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE", "UPDATE"}, "resources": []any{"secrets"},
			}}},
			"matchConditions": []any{map[string]any{"name": "name", "expression": fmt.Sprintf("request.name == %q || object.metadata.name == %q", secret, secret)}},
			"validations": []any{map[string]any{
				"expression": "!has(object.data) || size(object.data) == 0",
				// The limit of the message is 5 KiB.
				"messageExpression": `"this looks wrong: " + object.data.map(k, k + " is " + (size(string(object.data[k])) > 900 ? string(object.data[k]).substring(0, 900) : string(object.data[k]))).join(", ")`,
			}},
		}}},
		{Object: map[string]any{"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": map[string]any{"name": quotingPolicy}, "spec": map[string]any{
			"policyName": quotingPolicy, "validationActions": []any{"Deny"},
		}}},
	}
}
