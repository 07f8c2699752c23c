// Package contract checks HTTP traffic with OCM's account management service against its published OpenAPI document.
//
// It exists so that the OCM client and the OCM simulator cannot share a mistake: every request of a test to the simulator and
// every response are checked against the document that Red Hat publishes (testdata/README.md names the source). Known
// differences of the service are listed in deviations.go.
package contract

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

//go:embed testdata/accounts-mgmt-openapi.json
var published []byte

// Prefix is the path below which the document describes the service.
const Prefix = "/api/accounts_mgmt/v1/"

// load parses the document once per process and applies the deviations. It panics if the document does not load, which is a defect of
// this repository.
var load = sync.OnceValue(func() routers.Router {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(published)
	if err != nil {
		panic(fmt.Sprintf("testdata/accounts-mgmt-openapi.json: %v", err))
	}
	for _, deviation := range deviations {
		if deviation.apply != nil {
			deviation.apply(doc)
		}
	}
	router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
	if err != nil {
		panic(fmt.Sprintf("testdata/accounts-mgmt-openapi.json: %v", err))
	}
	return router
})

// exchange is one request and its response.
type exchange struct {
	input *openapi3filter.RequestValidationInput
}

func options() *openapi3filter.Options {
	opts := &openapi3filter.Options{
		IncludeResponseStatus:             true,
		RejectWhenRequestBodyNotSpecified: false, // see deviations
		SkipSettingDefaults:               true,
		MultiError:                        true,
		AuthenticationFunc:                authenticate,
	}
	// The values may be credentials: a violation names the place and the rule, never the content.
	opts.WithCustomSchemaErrorFunc(describe)
	return opts
}

// describe returns the violated rule and its place. For a composed schema (all are allOf here) the rule is in
// the error's origin.
func describe(e *openapi3.SchemaError) string {
	place := fmt.Sprintf("%s at /%s", e.SchemaField, strings.Join(e.JSONPointer(), "/"))
	if e.Origin == nil {
		return place
	}
	var inner openapi3.MultiError
	if !errors.As(e.Origin, &inner) {
		inner = openapi3.MultiError{e.Origin}
	}
	for _, cause := range inner {
		var schema *openapi3.SchemaError
		if errors.As(cause, &schema) {
			place += ": " + describe(schema)
		}
	}
	return place
}

// Operation returns the method and the path template of the request's operation, such as
// "GET /api/accounts_mgmt/v1/accounts/{id}", and whether the document has it.
func Operation(r *http.Request) (string, bool) {
	route, _, err := load().FindRoute(r)
	if err != nil {
		return "", false
	}
	return route.Method + " " + route.Path, true
}

// judgeRequest reports how the request differs from the document. The exchange is nil if the document does not have the operation.
func judgeRequest(r *http.Request, report func(string)) *exchange {
	route, params, err := load().FindRoute(r)
	if err != nil {
		report(fmt.Sprintf("request %s %s: the document has no such operation", r.Method, r.URL.Path))
		return nil
	}
	ex := &exchange{input: &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route, Options: options(),
	}}
	name := route.Method + " " + route.Path
	if err := openapi3filter.ValidateRequest(r.Context(), ex.input); err != nil {
		report(fmt.Sprintf("request %s: %v", name, err))
	}
	// The document allows other parameters and the service ignores them, so only this check finds a misspelt name.
	declared := declaredParameters(route)
	for key := range r.URL.Query() {
		if !slices.Contains(declared, key) {
			report(fmt.Sprintf("request %s: query parameter %q is not in the document", name, key))
		}
	}
	return ex
}

func declaredParameters(route *routers.Route) []string {
	var names []string
	for _, list := range []openapi3.Parameters{route.PathItem.Parameters, route.Operation.Parameters} {
		for _, p := range list {
			if p.Value != nil && p.Value.In == openapi3.ParameterInQuery {
				names = append(names, p.Value.Name)
			}
		}
	}
	return names
}

// judgeResponse reports how the response differs from the document.
func (ex *exchange) judgeResponse(ctx context.Context, status int, header http.Header, body []byte, report func(string)) {
	name := fmt.Sprintf("response %d of %s %s", status, ex.input.Route.Method, ex.input.Route.Path)
	if status == http.StatusNoContent && len(body) > 0 {
		report(name + ": has a body")
	}
	answer := (&openapi3filter.ResponseValidationInput{
		RequestValidationInput: ex.input, Status: status, Header: header, Options: options(),
	}).SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(ctx, answer); err != nil {
		report(fmt.Sprintf("%s: %v", name, err))
	}
}

// authenticate checks the form of the Authorization header for one security scheme of the document. The service checks
// the credential.
func authenticate(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	value := in.RequestValidationInput.Request.Header.Get("Authorization")
	switch in.SecuritySchemeName {
	case "Bearer":
		if token, ok := strings.CutPrefix(value, "Bearer "); ok && token != "" {
			return nil
		}
	case "AccessToken":
		if pair, ok := strings.CutPrefix(value, "AccessToken "); ok {
			if cluster, token, ok := strings.Cut(pair, ":"); ok && cluster != "" && token != "" {
				return nil
			}
		}
	}
	return errors.New("the Authorization header does not match the scheme " + in.SecuritySchemeName)
}
