// Package policy measures what one decision of the safety kernel costs, in this process, beside a floor of the same run:
// one lookup in a map and one comparison of texts for each field that the rules name, which is the least that any index
// does. It measures nothing else of the system. Begin reading at policy.go.
package policy
