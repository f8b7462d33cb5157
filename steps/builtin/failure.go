package builtin

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"cordum.dev/cordum/sdk/go"
)

// Codes of failed jobs of the built-in worker, as retry rules can name them.
const (
	CodeEgressDenied     = "egress_denied"      // the call would lead where it may not; not tried again
	CodeConnection       = "connection_failed"  // there is no connection, or it was lost: the call had no effect
	CodeTLS              = "tls_failed"         // the other side could not prove who it is; not tried again
	CodeNoAnswer         = "no_answer"          // the request left, an answer did not come: it may have had its effect
	CodeHTTPStatus       = "http_status"        // the answer is no success; not tried again below 500, but for 429
	CodeResponseTooLarge = "response_too_large" // the answer is larger than MaxResponse or MaxResponseHeaders; not tried again
	CodeResponseTooSlow  = "response_too_slow"  // the answer's body dripped
	CodeTooManyRedirects = "too_many_redirects" // more than MaxRedirects; not tried again
	CodeRedirectRefused  = "redirect_refused"   // a redirect would take the body elsewhere, or leave TLS; not tried again
	CodeNotDelivered     = "not_delivered"      // the channel of a notification did not take it
)

// outcome tells, in the details of a failure, that nobody knows whether the call had its effect.
type outcome struct {
	Status  int    `json:"status,omitempty"`
	Outcome string `json:"outcome,omitempty"` // "unknown", or absent when there was surely none
}

const outcomeUnknown = "unknown"

// refused is the failure of what the guard does not let out.
func refused(err error) error {
	if denied, ok := isDenied(err); ok {
		return cordum.Fatal(CodeEgressDenied, denied)
	}
	return invalid(err)
}

func invalid(err error) error { return cordum.Fatal(cordum.CodeInvalidInput, err) }

// Failures of an exchange that the transport passes through.
var (
	errTooManyRedirects = fmt.Errorf("the call was sent elsewhere more than %d times", MaxRedirects)
	errLeavesTLS        = errors.New("the redirect leads from https to http")
	errTakesBody        = errors.New("the redirect would take the body of the request to another host")
	errTooSlow          = fmt.Errorf("the body of the answer brings less than %d bytes in %v", slowBytes, slowWindow)
	errDeadline         = fmt.Errorf("there was no whole answer within %v; a timeout of the step allows more", defaultDeadline)
)

// exchangeFailed says why a request has no answer, in words that hold no address, no header and no body: an error of the
// transport holds whatever the other side and the name server said. sent tells whether the request may have had its effect.
func exchangeFailed(host string, err error, sent bool) error {
	failure := &cordum.Error{Kind: cordum.KindFatal, Details: unknownIf(sent)}
	denied, isDenied := isDenied(err)
	switch {
	case isDenied:
		failure.Code, failure.Err = CodeEgressDenied, denied
	case errors.Is(err, errTooManyRedirects):
		failure.Code, failure.Err = CodeTooManyRedirects, errTooManyRedirects
	case errors.Is(err, errLeavesTLS):
		failure.Code, failure.Err = CodeRedirectRefused, errLeavesTLS
	case errors.Is(err, errTakesBody):
		failure.Code, failure.Err = CodeRedirectRefused, errTakesBody
	case isUntrusted(err):
		failure.Code, failure.Err = CodeTLS, fmt.Errorf("%s could not prove who it is: %s", host, tlsWhy(err))
	case strings.Contains(err.Error(), "response headers exceeded"): // the transport has no error of its own for it
		failure.Code, failure.Err = CodeResponseTooLarge, fmt.Errorf("the head of the answer has more than %d bytes", MaxResponseHeaders)
	case sent:
		failure.Kind, failure.Code = cordum.KindRetryable, CodeNoAnswer
		failure.Err = fmt.Errorf("the request to %s left, but %s", host, plainly(err))
	default:
		failure.Kind, failure.Code = cordum.KindRetryable, CodeConnection
		failure.Err = fmt.Errorf("no answer from %s: %s", host, plainly(err))
	}
	return failure
}

func unknownIf(sent bool) any {
	if sent {
		return outcome{Outcome: outcomeUnknown}
	}
	return nil
}

// plainly says what befell a connection.
func plainly(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the name is unknown"
	case errors.As(err, &dns):
		return "the name could not be looked up"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to the host"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it took too long"
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "the answer is not HTTP"
	}
	return "the connection was lost"
}

func isUntrusted(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &record)
}

func tlsWhy(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var certificate x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return "its certificate is signed by an unknown authority"
	case errors.As(err, &name):
		return "its certificate is for another host"
	case errors.As(err, &certificate):
		return "its certificate is not valid, or not now"
	}
	return "it does not speak TLS as it should"
}
