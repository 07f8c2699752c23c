package apiserver

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/config"
)

// rules are what a CustomResourceDefinition demands of its objects. Kubernetes' own code holds objects to them, without ratcheting: no schema changes, so
// that what is stored is valid.
type rules struct {
	structural *structuralschema.Structural
	whole      validation.SchemaValidator
	status     validation.SchemaValidator // nil if there is no status subresource
	cel        *cel.Validator
}

// shipped are the rules of the operator's CRDs: they remember nothing of a server, and are expensive to make.
var shipped = sync.OnceValues(func() (map[schema.GroupVersionKind]*rules, error) {
	all := map[schema.GroupVersionKind]*rules{}
	for _, document := range config.CRDs() {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(document, crd); err != nil {
			return nil, fmt.Errorf("reading a CRD: %w", err)
		}
		version := &crd.Spec.Versions[0]
		r, err := rulesOf(version)
		if err != nil {
			return nil, fmt.Errorf("the schema of %s: %w", crd.Name, err)
		}
		all[schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}] = r
	}
	return all, nil
})

func rulesOf(version *apiextensionsv1.CustomResourceDefinitionVersion) (*rules, error) {
	props := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, props, nil); err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(props)
	if err != nil {
		return nil, err
	}
	status := props.Properties["status"]
	r := &rules{structural: structural, cel: cel.NewValidator(structural, true, celconfig.PerCallLimit)}
	if r.whole, _, err = validation.NewSchemaValidator(props); err != nil {
		return nil, err
	}
	if version.Subresources != nil && version.Subresources.Status != nil {
		r.status, _, err = validation.NewSchemaValidator(&status)
	}
	return r, err
}

func (r *rules) hasStatus() bool { return r != nil && r.status != nil }

// admit gives an object the defaults of its schema, and holds it to the rules. before is nil for a new one.
func (k *kind) admit(before, after client.Object) error {
	if k.rules == nil {
		return nil
	}
	var errs field.ErrorList
	var err error
	if before != nil && sameSpec(before, after) {
		errs, err = k.rules.judgeStatus(after)
	} else {
		errs, err = k.judgeWhole(after)
	}
	if err != nil {
		return fmt.Errorf("the content of %s %s: %w", k.resource, after.GetName(), err)
	}
	if hides(errs) {
		errs = append(errs, field.Invalid(nil, nil, "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"))
	}
	if len(errs) > 0 {
		return k.invalid(after.GetName(), errs...)
	}
	return nil
}

// judgeStatus holds the status alone to its schema: nothing else can have become wrong.
func (r *rules) judgeStatus(o client.Object) (field.ErrorList, error) {
	status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(reflect.ValueOf(o).Elem().FieldByName("Status").Addr().Interface())
	if err != nil {
		return nil, err
	}
	path := field.NewPath("status")
	errs := validation.ValidateCustomResource(path, status, r.status)
	return append(errs, listtype.ValidateListSetsAndMaps(path, new(r.structural.Properties["status"]), status)...), nil
}

// judgeWhole gives an object the defaults, and holds it to all rules. No rule looks at what was there before.
func (k *kind) judgeWhole(o client.Object) (field.ErrorList, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, err
	}
	content["apiVersion"], content["kind"] = k.gvk.GroupVersion().String(), k.gvk.Kind
	if status, ok := content["status"].(map[string]any); ok && len(status) == 0 {
		delete(content, "status") // a Go type always has one
	}
	defaulting.Default(content, k.rules.structural)
	full := k.empty(o)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, full); err != nil {
		return nil, err
	}
	named(full, o.GetObjectKind().GroupVersionKind())
	copyInto(o, full)
	errs := validation.ValidateCustomResource(nil, content, k.rules.whole)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.rules.structural, content)...)
	if hides(errs) {
		return errs, nil
	}
	more, _ := k.rules.cel.Validate(context.Background(), nil, k.rules.structural, content, nil, celconfig.RuntimeCELCostBudget)
	return append(errs, more...), nil
}

// hides is true for errors with which no rule in CEL is looked at.
func hides(errs field.ErrorList) bool {
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return true
		}
	}
	return false
}
