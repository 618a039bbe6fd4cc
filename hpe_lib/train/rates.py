"""Which part of a network learns how fast, from a recipe's rates."""


def split(model, rates):
    """What of a network stays, and what learns how fast, from {part: share of the learning rate}.

    Returns the parts whose share is 0, frozen, and [(share, weights)]: first all that `rates` does not name, with 1.
    ValueError lists the parts where there is none of a name.
    """
    parts = dict(model.named_modules())
    for name in rates:
        if name not in parts:
            known = ", ".join(name for name, _ in model.named_children())
            raise ValueError(f"the recipe's rates name {name!r}, and the network's parts are {known}")
    frozen = [parts[name].requires_grad_(False) for name, share in rates.items() if not share]
    named = [(share, list(parts[name].parameters())) for name, share in rates.items() if share]
    known = {weight for _, weights in named for weight in weights}
    rest = [weight for weight in model.parameters() if weight.requires_grad and weight not in known]
    return frozen, [(1, rest), *named]
