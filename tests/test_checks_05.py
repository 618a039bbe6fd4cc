"""The exercises of notebook 05: right answers pass, classic mistakes are named."""

from importlib.resources import files

import pandas as pd

from tests.exercises import exercises, prove


def test_notebook_has_its_exercises():
    assert list(exercises("05")) == ["5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7"]


def test_weighted_loss():
    def formula(text):
        return f"""
def loss_by_formula(predicted, target, weights):
    squared = weights[:, :, None, None] * (predicted - target) ** 2
    return {text}
"""

    prove(
        exercises("05")["5.1"],
        [
            formula("0.5 * squared.mean()"),
            formula("float(squared.mean(dim=(2, 3)).sum(dim=1).sum() / len(weights) / weights.shape[1] / 2)"),
            """
def loss_by_formula(predicted, target, weights):
    difference = np.asarray(predicted) - np.asarray(target)
    return np.einsum("nk,nkyx,nkyx->", np.asarray(weights), difference, difference) / difference.size / 2
""",
            """
def loss_by_formula(predicted, target, weights):
    kept = weights[:, :, None, None].sqrt()
    return F.mse_loss(kept * predicted, kept * target) / 2
""",
        ],
        {
            "not added up at all": formula("squared.mean(dim=(2, 3)) / 2"),
            "the 1/2 forgotten": formula("squared.mean()"),
            "unlabelled keypoints taken out of the denominator": formula(
                "0.5 * squared.sum() / (weights.sum() * target.shape[2] * target.shape[3])"
            ),
            "the weights ignored": formula("0.5 * ((predicted - target) ** 2).mean()"),
            "not squared": formula("0.5 * (weights[..., None, None] * (predicted - target)).abs().mean()"),
            "the sum instead of the mean": formula("squared.sum() / 2"),
            "keypoints added up instead of averaged": formula("0.5 * squared.sum(dim=1).mean()"),
            "people added up instead of averaged": formula("0.5 * squared.sum(dim=0).mean()"),
            "the root taken": formula("0.5 * squared.mean() ** 0.5"),
        },
    )


def test_pck():
    prove(
        exercises("05")["5.2"],
        ["pck_on_paper = 0.6", "pck_on_paper = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0]).mean()"],
        {
            "x by the width and y by the height": "pck_on_paper = 2 / 5",
            "x and y each on its own": "pck_on_paper = 4 / 5",
            "the joint at the border counted": "pck_on_paper = 4 / 6",
            "the joint at the border counted as wrong": "pck_on_paper = 3 / 6",
            "all of them correct": "pck_on_paper = 5 / 5",
            "none but the one that is hit exactly": "pck_on_paper = 1 / 5",
            "the number of joints, or percent": "pck_on_paper = 60",
        },
    )


def test_adam():
    def loop(move, m="0.9 * m + 0.1 * g", v="0.999 * v + 0.001 * g**2", start=1, inner="pass"):
        return f"""
def adam_for_one_weight(theta, gradients, rate):
    m = v = 0
    for t, g in enumerate(gradients, {start}):
        {inner}
        m, v = {m}, {v}
        theta = theta {move}
    return theta
"""

    right = "- rate * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)"
    prove(
        exercises("05")["5.3"],
        [
            loop(right),
            """
def adam_for_one_weight(theta, gradients, rate):
    weight = torch.tensor(float(theta), requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=rate)
    for gradient in gradients:
        optimizer.zero_grad()
        (gradient * weight).backward()
        optimizer.step()
    return weight
""",
            """
def adam_for_one_weight(theta, gradients, rate):
    g, t = np.array(gradients, dtype=float), len(gradients)
    for n in range(1, t + 1):  # the running means as weighted sums over the past
        age = np.arange(n)[::-1]
        m, v = (0.9**age * g[:n]).sum() / (0.9**age).sum(), (0.999**age * g[:n] ** 2).sum() / (0.999**age).sum()
        theta = theta - rate * m / np.sqrt(v)
    return theta
""",
        ],
        {
            "the bias correction forgotten": loop("- rate * m / (math.sqrt(v) + 1e-8)"),
            "the corrected means kept": loop(
                "- rate * m / math.sqrt(v)",
                "(0.9 * m + 0.1 * g) / (1 - 0.9**t)",
                "(0.999 * v + 0.001 * g**2) / (1 - 0.999**t)",
            ),
            "only m corrected": loop("- rate * m / (1 - 0.9**t) / math.sqrt(v)"),
            "the root forgotten": loop("- rate * (m / (1 - 0.9**t)) / (v / (1 - 0.999**t))"),
            "uphill": loop(right.replace("- rate", "+ rate")),
            "plain gradient descent": loop("- rate * g"),
            "the running means start anew": loop(right.replace("**t", "**1"), inner="m = v = 0"),
            "the two betas swapped": loop(
                "- rate * (m / (1 - 0.999**t)) / (v / (1 - 0.9**t)) ** 0.5",
                "0.999 * m + 0.001 * g",
                "0.9 * v + 0.1 * g**2",
            ),
            "only the last gradient used": """
def adam_for_one_weight(theta, gradients, rate):
    g = gradients[-1]
    m, v = 0.1 * g, 0.001 * g**2
    return theta - rate * (m / (1 - 0.9)) / (v / (1 - 0.999)) ** 0.5
""",
        },
    )
    zero = exercises("05")["5.3"].verdict(loop(right, start=0))
    assert zero.state == "wrong" and "ZeroDivisionError" in zero.text


def test_learning_rate():
    def schedule(late, steps="people // batch_size", factor=0.1):
        return f"""
def rate_at(step, people, batch_size):
    per_epoch = {steps}
    return 0.001 * {factor} ** sum({late} for drop in (90, 120))
"""

    prove(
        exercises("05")["5.4"],
        [
            schedule("step >= drop * per_epoch"),
            """
def rate_at(step, people, batch_size):
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=1e-3)
    epoch = step // int(people / batch_size)
    return 10.0 ** -np.array([3, 4, 5])[np.searchsorted([90, 120], epoch, side="right")]
""",
        ],
        {
            "one step late": schedule("step > drop * per_epoch"),
            "one epoch late": schedule("step // per_epoch > drop"),
            "the incomplete batch counted": schedule("step >= drop * per_epoch", "math.ceil(people / batch_size)"),
            "steps taken for epochs": schedule("step >= drop"),
            "people taken for steps": schedule("step // people >= drop"),
            "no drop at all": "def rate_at(step, people, batch_size): return 0.001",
            "only one drop": """
def rate_at(step, people, batch_size):
    return 0.1 * 0.001 if step >= 90 * (people // batch_size) else 0.001
""",
            "a tenth less": schedule("step >= drop * per_epoch", factor=0.9),
        },
    )
    fraction = exercises("05")["5.4"].verdict(schedule("step >= drop * per_epoch", "people / batch_size"))
    assert fraction.misconception == "the incomplete batch counted"


def test_training_step():
    def calls(*lines, returned="loss"):
        body = "\n    ".join(("loss = loss_function(model(images), targets)", *lines))
        return f"""
def one_step(model, optimizer, loss_function, images, targets):
    {body}
    return {returned}
"""

    zero, backward, step = "optimizer.zero_grad()", "loss.backward()", "optimizer.step()"
    prove(
        exercises("05")["5.5"],
        [
            calls(zero, backward, step),
            calls(backward, step, zero, returned="loss.item()"),
            calls("model.zero_grad()", backward, step, returned="loss.detach()"),
            """
def one_step(model, optimizer, loss_function, images, targets):
    for parameter in model.parameters():
        parameter.grad = None
    loss = loss_function(model(images), targets)
    loss.backward()
    optimizer.step()
    return loss.detach().numpy()
""",
        ],
        {
            "old gradients kept": calls(backward, step),
            "the weights never move": calls(backward, zero, step),
            "one step behind": calls(step, zero, backward),
            "the loss not returned": calls(zero, backward, step, returned="None"),
            "the loss after the step": calls(zero, backward, step, returned="loss_function(model(images), targets)"),
            "the prediction returned": calls(zero, backward, step, returned="model(images)")
            .replace("loss =", "before = model(images)\n    loss =")
            .replace("return model(images)", "return before"),
            "prediction and target swapped": calls(zero, backward, step).replace(
                "model(images), targets", "targets, model(images)"
            ),
            "the model in its test mode": calls(zero, backward, step).replace("loss =", "model.eval()\n    loss ="),
        },
    )
    for lines in ((zero, step, backward), (zero, backward), (zero, step)):
        assert exercises("05")["5.5"].verdict(calls(*lines)).misconception == "the weights never move"
    never = exercises("05")["5.5"].verdict(calls(zero, backward))
    assert "never called" in never.text
    for own in ("torch.optim.SGD(model.parameters(), lr=0.1)", "torch.optim.SGD(model.parameters(), 0.07, 0.9)"):
        verdict = exercises("05")["5.5"].verdict(calls(f"optimizer = {own}", zero, backward, step))
        assert verdict.state == "wrong" and "calls of optimizer.step in three steps' it gives 0" in verdict.text
    twice = exercises("05")["5.5"].verdict(calls(zero, backward, step, step))
    assert twice.text == "For the input 'calls of optimizer.step in three steps' it gives 6, and 3 is right."
    for returned in ("model(images)", "'2.6'"):  # what is no loss stops nothing, and is shown
        verdict = exercises("05")["5.5"].verdict(calls(zero, backward, step, returned=returned))
        assert verdict.text.startswith("For the input 'losses of three steps' it gives [")
    assert exercises("05")["5.5"].verdict(calls("model.train()", zero, backward, step)).state == "right"


def test_training_time():
    prove(
        exercises("05")["5.7"],
        ["days_of_training = 97", "days_of_training = torch.tensor(149_813 // 128 * 128 * 140 / 2.5 / 3600 / 24)"],
        {
            "seconds": "days_of_training = 140 * 149_813 / 2.5",
            "hours": "days_of_training = 140 * 149_813 / 2.5 / 3600",
            "one epoch": "days_of_training = 149_813 / 2.5 / 86_400",
            "batches taken for people": "days_of_training = 140 * 1170 / 2.5 / 86_400",
            "multiplied by the speed": "days_of_training = 140 * 149_813 * 2.5 / 86_400",
            "divided by the cores": "days_of_training = 140 * 149_813 / 2.5 / 86_400 / 2",
        },
    )


def test_a_share_with_several_causes_gets_all_named():
    everybody, nobody = (exercises("05")["5.2"].verdict(f"pck_on_paper = {share}").text for share in (1, 0))
    assert all(word in everybody for word in ("whole tenth", "different tenths", "root"))
    assert all(word in nobody for word in ("cells", "tenth of the width"))


def test_lazy_answers_get_no_diagnosis_that_is_untrue():
    for rate in (1e-3, 1e-4, 1e-5, 0, "'0.001'", "step", "0.001 * people"):
        verdict = exercises("05")["5.4"].verdict(f"def rate_at(step, people, batch_size): return {rate}")
        named = "no drop at all" if rate in (1e-3, "'0.001'") else None
        assert (verdict.state, verdict.misconception) == ("wrong", named), rate
    for theta in ("theta", "0.9", "theta - rate", "theta - rate * len(gradients)"):
        code = f"def adam_for_one_weight(theta, gradients, rate): return {theta}"
        verdict = exercises("05")["5.3"].verdict(code)
        assert (verdict.state, verdict.misconception) == ("wrong", None), theta


def test_the_first_case_that_is_shown_can_be_typed():
    verdict = exercises("05")["5.1"].verdict("def loss_by_formula(predicted, target, weights): return 0")
    maps = "predicted = [[[[1, 3]], [[5, 1]]]], target = [[[[0, 1]], [[0, 0]]]], weights = [[1, 0]]"
    assert verdict.text == f"For the input {maps} it gives 0, and 0.625 is right."  # (1 + 4) / 2 / 4


def test_diagnosis():
    prove(
        exercises("05")["5.6"],
        ["diagnosis = (4, 3, 0, 1, 2)", "diagnosis = torch.tensor([4, 3, 0, 1, 2])"],
        {
            "what learns nothing is taken for transposed targets": "diagnosis = [3, 4, 0, 1, 2]",
            "transposed targets taken for a run that learns nothing": "diagnosis = [3, 3, 0, 1, 2]",
            "the mirror not seen": "diagnosis = [4, 3, 2, 1, 0]",
            "the rate not seen": "diagnosis = [4, 3, 1, 0, 2]",
            "the rate taken for something worse": "diagnosis = [4, 1, 0, 3, 2]",
        },
    )


def test_the_five_runs_are_what_the_diagnosis_says():
    """The check's answer, read from the logged curves themselves."""
    runs = pd.read_csv(files("hpe_lib") / "weights" / "broken_training.csv")
    end = runs.groupby("fault").last()
    sound = end.loc["none"]
    assert (
        end.loc["targets transposed", "loss"] < 1.1 * sound["loss"] and end.loc["targets transposed", "val_pck"] < 0.1
    )
    assert end.loc["zero_grad forgotten", "loss"] > 3 * sound["loss"]
    mirror = end.loc["mirror without swap"]
    assert mirror["val_pck_nose"] > sound["val_pck_nose"]
    assert mirror["val_pck_wrists_ankles"] < sound["val_pck_wrists_ankles"] - 0.1
    assert sound["loss"] < end.loc["rate x 30", "loss"] < mirror["loss"]
